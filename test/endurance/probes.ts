import type { Connection } from 'mysql2/promise'
import { EventType } from '../../src/mysql/index.ts'
import type { Mysqld } from '../e2e/harness/mysqld.ts'
import { pause } from '../e2e/harness/wait.ts'

const mark = 'kingbus-probe:'
const eventBytesMost = 2_000

export type Listener = 'kingbus' | 'source'

interface Probe {
  readonly sentMs: number
  committedMs: number | undefined
  readonly arrivedMs: Record<Listener, number | undefined>
}

/** Latencies in milliseconds of the probes of one window. */
export interface ProbeWindow {
  readonly probes: number
  /** from sending the statement to the source's OK */
  readonly commit: readonly number[]
  /** from sending the statement to its event at the client of the source */
  readonly viaSource: readonly number[]
  /** from sending the statement to its event at the client of Kingbus */
  readonly viaKingbus: readonly number[]
  /** what of that is Kingbus's: behind a client that reads from the source itself */
  readonly added: readonly number[]
}

/**
 * Small transactions with running numbers, one at a time, and when each arrived at two clients: one of
 * Kingbus, one of the source. Every number that was acknowledged must arrive once, in order.
 */
export class Probes {
  readonly #source: Mysqld
  readonly #intervalMs: number
  readonly #probes: Probe[] = []
  readonly #latest: Record<Listener, number> = { kingbus: -1, source: -1 }
  readonly #disorder: string[] = []
  #windowBegins = 0
  #stopping = false
  #ended: Promise<void> = Promise.resolve()

  static async start(source: Mysqld, intervalMs: number): Promise<Probes> {
    await source.sql(
      'CREATE DATABASE IF NOT EXISTS endurance',
      'CREATE TABLE endurance.probe (id INT PRIMARY KEY AUTO_INCREMENT, mark VARCHAR(40))',
    )
    const probes = new Probes(source, intervalMs)
    probes.#ended = probes.#run()
    return probes
  }

  private constructor(source: Mysqld, intervalMs: number) {
    this.#source = source
    this.#intervalMs = intervalMs
  }

  get count(): number {
    return this.#probes.length
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
  }

  /** What the client that listens there calls for each event. */
  listen(listener: Listener): (type: number, event: Buffer) => void {
    return (type, event) => {
      if (type !== EventType.WRITE_ROWS || event.length > eventBytesMost) return
      const at = event.indexOf(mark)
      if (at === -1) return
      const number = Number.parseInt(event.toString('latin1', at + mark.length), 10)
      this.#arrived(listener, number)
    }
  }

  /**
   * The probes since the last call that were committed. One that has not arrived yet counts as one that arrives
   * now: to leave it out would make a client that falls behind look fast.
   */
  takeWindow(nowMs = performance.now()): ProbeWindow {
    const window = this.#probes.slice(this.#windowBegins)
    this.#windowBegins = this.#probes.length
    const arrived = window.flatMap(({ sentMs, committedMs, arrivedMs }) => {
      if (committedMs === undefined) return []
      const { kingbus = nowMs, source = nowMs } = arrivedMs
      return [{ commit: committedMs - sentMs, source: source - sentMs, kingbus: kingbus - sentMs }]
    })
    return {
      probes: window.length,
      commit: arrived.map(({ commit }) => commit),
      viaSource: arrived.map(({ source }) => source),
      viaKingbus: arrived.map(({ kingbus }) => kingbus),
      added: arrived.map(({ kingbus, source }) => kingbus - source),
    }
  }

  /** Acknowledged probes that have not arrived at a listener, and those that came twice or out of order. */
  faults(): string[] {
    const lost = (['kingbus', 'source'] as const).flatMap((listener) =>
      this.#probes.flatMap(({ committedMs, arrivedMs }, number) =>
        committedMs !== undefined && arrivedMs[listener] === undefined
          ? [`probe ${number} never arrived at the client of ${listener}`]
          : [],
      ),
    )
    return [...this.#disorder, ...lost]
  }

  #arrived(listener: Listener, number: number): void {
    const probe = this.#probes[number]
    const latest = this.#latest[listener]
    if (probe === undefined || number <= latest) {
      this.#disorder.push(`probe ${number} came behind ${latest} at the client of ${listener}`)
      return
    }
    this.#latest[listener] = number
    probe.arrivedMs[listener] = performance.now()
  }

  async #run(): Promise<void> {
    let connection: Connection | undefined
    while (!this.#stopping) {
      const number = this.#probes.length
      try {
        connection ??= await this.#source.connect()
        const arrivedMs = { kingbus: undefined, source: undefined }
        const probe: Probe = { sentMs: performance.now(), committedMs: undefined, arrivedMs }
        this.#probes.push(probe)
        const values = [`${mark}${number};`]
        await connection.query('INSERT INTO endurance.probe (mark) VALUES (?)', values)
        probe.committedMs = performance.now()
      } catch {
        // The source is gone: whether this probe is in its binlog only the clients can tell.
        connection?.destroy()
        connection = undefined
      }
      await pause(this.#intervalMs)
    }
    await connection?.end()
  }
}
