/*
  Clients that commit as sysbench's oltp_write_only does: four prepared statements in a transaction, each sent when
  the one before is answered. Every client has a table of its own, so that none waits for another's row.
*/
import { setTimeout as pause } from 'node:timers/promises'
import { answerParent } from '../client/answer-parent.ts'
import type { Address } from '../client/raw-connection.ts'
import { type Prepared, StatementConnection } from '../client/statement-connection.ts'

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

function statementsOn(table: string): string[] {
  return [
    `UPDATE ${table} SET k = k + 1 WHERE id = ?`,
    `UPDATE ${table} SET c = ? WHERE id = ?`,
    `DELETE FROM ${table} WHERE id = ?`,
    `INSERT INTO ${table} (id, k, c, pad) VALUES (?, ?, ?, ?)`,
  ]
}

class Committer {
  readonly #connection: StatementConnection
  readonly #statements: Record<'add' | 'update' | 'remove' | 'insert', Prepared>
  readonly #rows: number

  static async open({ address, rows }: OpenCommand, table: string): Promise<Committer> {
    const connection = new StatementConnection(address)
    const prepared = await connection.prepare(statementsOn(table))
    return new Committer(connection, prepared, rows)
  }

  private constructor(
    connection: StatementConnection,
    prepared: readonly Prepared[],
    rows: number,
  ) {
    this.#connection = connection
    this.#rows = rows
    const [add, update, remove, insert] = prepared
    if (!add || !update || !remove || !insert) throw new Error('a statement is missing')
    this.#statements = { add, update, remove, insert }
  }

  /** How long the COMMIT took, in milliseconds. */
  async transaction(): Promise<number> {
    const { add, update, remove, insert } = this.#statements
    const third = this.#anyId()
    await this.#connection.query('BEGIN')
    await add(this.#anyId())
    await update(anyText(119), this.#anyId())
    await remove(third)
    await insert(third, this.#anyId(), anyText(119), anyText(59))
    const began = performance.now()
    await this.#connection.query('COMMIT')
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

async function open(command: OpenCommand): Promise<void> {
  close()
  const tables = Array.from({ length: command.clients }, (_, index) => `bench.sbtest${index + 1}`)
  committers = await Promise.all(tables.map((table) => Committer.open(command, table)))
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
