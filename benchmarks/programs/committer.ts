/*
  Clients that commit as sysbench's oltp_write_only does: four statements in a transaction, each sent when the one
  before is answered. Every client has a table of its own, so that none waits for another's row.
*/
import { setTimeout as pause } from 'node:timers/promises'
import { answerParent } from '../client/answer-parent.ts'
import type { Address } from '../client/raw-connection.ts'
import { StatementConnection } from '../client/statement-connection.ts'

export interface OpenCommand {
  readonly kind: 'open'
  readonly address: Address
  readonly clients: number
  /** of each client's table, with ids from 1 without a gap */
  readonly rows: number
}

export interface CommitCommand {
  readonly kind: 'commit'
  readonly seconds: number
  /** between two transactions of a client */
  readonly pauseMs: number
}

export type CommitterCommand = OpenCommand | CommitCommand | { readonly kind: 'close' }

export interface Committed {
  readonly kind: 'committed'
  /** from the COMMIT to its answer, of every transaction of every client */
  readonly commitMs: readonly number[]
  readonly seconds: number
  /** of this program */
  readonly cpuSeconds: number
}

export type CommitterReport = { readonly kind: 'done' } | Committed

class Committer {
  readonly #connection: StatementConnection
  readonly #table: string
  readonly #rows: number

  constructor(connection: StatementConnection, table: string, rows: number) {
    this.#connection = connection
    this.#table = table
    this.#rows = rows
  }

  /** How long the COMMIT took, in milliseconds. */
  async transaction(): Promise<number> {
    const connection = this.#connection
    const third = this.#anyId()
    await connection.execute('BEGIN')
    await connection.execute(`UPDATE ${this.#table} SET k = k + 1 WHERE id = ${this.#anyId()}`)
    await connection.execute(
      `UPDATE ${this.#table} SET c = '${anyText(119)}' WHERE id = ${this.#anyId()}`,
    )
    await connection.execute(`DELETE FROM ${this.#table} WHERE id = ${third}`)
    const values = `${third}, ${this.#anyId()}, '${anyText(119)}', '${anyText(59)}'`
    await connection.execute(`INSERT INTO ${this.#table} (id, k, c, pad) VALUES (${values})`)
    const began = performance.now()
    await connection.execute('COMMIT')
    return performance.now() - began
  }

  close(): void {
    this.#connection.close()
  }

  #anyId(): number {
    return 1 + Math.floor(Math.random() * this.#rows)
  }
}

/** Digits that differ every time: an UPDATE that changes nothing would have no event. */
function anyText(size: number): string {
  return ''.padEnd(size, `${Math.random()}-`)
}

let committers: Committer[] = []

function close(): void {
  for (const committer of committers) committer.close()
  committers = []
}

async function open({ address, clients, rows }: OpenCommand): Promise<void> {
  close()
  committers = await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const connection = await StatementConnection.open(address)
      return new Committer(connection, `bench.sbtest${index + 1}`, rows)
    }),
  )
}

async function commit({ seconds, pauseMs }: CommitCommand): Promise<Committed> {
  const commitMs: number[] = []
  const cpu = process.cpuUsage()
  const began = performance.now()
  const until = began + seconds * 1000
  await Promise.all(
    committers.map(async (committer) => {
      while (performance.now() < until) {
        if (pauseMs > 0) await pause(pauseMs)
        commitMs.push(await committer.transaction())
      }
    }),
  )
  const took = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { kind: 'committed', commitMs, seconds: took, cpuSeconds: (user + system) / 1e6 }
}

answerParent(async (command: CommitterCommand): Promise<CommitterReport> => {
  if (command.kind === 'commit') return await commit(command)
  if (command.kind === 'open') await open(command)
  else close()
  return { kind: 'done' }
})
