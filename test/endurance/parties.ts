import { Kingbus } from '../e2e/harness/kingbus.ts'
import { Mysqld } from '../e2e/harness/mysqld.ts'
import { Replica } from '../e2e/harness/replica.ts'
import type { Restart } from './schedule.ts'

export interface PartySizes {
  /** max_binlog_size of the source */
  readonly binlogSize: string
  /** retention.max-size of Kingbus */
  readonly retentionSize: string
}

/** A source, Kingbus, a replica with TLS and one without. */
export class Parties {
  readonly source: Mysqld
  readonly kingbus: Kingbus
  readonly replicas: readonly [Replica, Replica]
  #lifetime = 0
  #restarting = false
  #bornMs = performance.now()

  static async start({ binlogSize, retentionSize }: PartySizes): Promise<Parties> {
    // The replicas write no binlog of their own: nobody reads it, and it would be most of the disk's work.
    const options = { 'skip-log-bin': '', relay_log_recovery: 'ON' }
    const [source, first, second] = await Promise.all([
      Mysqld.start({ serverId: 1, options: { max_binlog_size: binlogSize } }),
      Mysqld.start({ serverId: 2, options }),
      Mysqld.start({ serverId: 3, options }),
    ])
    const flags = { 'retention-max-size': retentionSize, 'log-format': 'json' }
    const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, flags })
    // The default waits 60 s between attempts, which is all that these clauses change.
    const clauses = ['SOURCE_CONNECT_RETRY=1', 'SOURCE_RETRY_COUNT=100000']
    const replicas = [new Replica(first), new Replica(second)] as const
    await replicas[0].attach(kingbus, { clauses: [...clauses, 'SOURCE_SSL=1'] })
    await replicas[1].attach(kingbus, { clauses, withoutTls: true })
    return new Parties(source, kingbus, replicas)
  }

  private constructor(source: Mysqld, kingbus: Kingbus, replicas: readonly [Replica, Replica]) {
    this.source = source
    this.kingbus = kingbus
    this.replicas = replicas
  }

  /** Counts the processes of Kingbus from 0; undefined while one goes and the next one comes. */
  get lifetime(): number | undefined {
    return this.#restarting ? undefined : this.#lifetime
  }

  /** How long the process of Kingbus has been there. */
  get minute(): number {
    return (performance.now() - this.#bornMs) / 60_000
  }

  /** What went wrong beside the restart itself; it is over when the party serves again. */
  async restart({ party, how }: Restart): Promise<string[]> {
    const kill = how === 'kill -9'
    if (party === 'kingbus') return await this.#restartKingbus(kill)
    const server =
      party === 'source' ? this.source : this.replicas[party === 'first replica' ? 0 : 1].server
    await (kill ? server.kill9() : server.stop())
    await server.launch()
    return []
  }

  async #restartKingbus(kill: boolean): Promise<string[]> {
    const { kingbus } = this
    this.#restarting = true
    await (kill ? kingbus.kill9() : kingbus.stop())
    const code = kingbus.exitCode
    await kingbus.launch()
    this.#lifetime += 1
    this.#bornMs = performance.now()
    this.#restarting = false
    return kill || code === 0 ? [] : [`Kingbus ended with ${code} after SIGTERM`]
  }

  /** The source keeps no more files than Kingbus does. */
  async purgeSource(): Promise<void> {
    const oldest = this.kingbus.binlogs()[0]?.name
    const has = (await this.source.binlogs()).some(({ name }) => name === oldest)
    if (has) await this.source.sql(`PURGE BINARY LOGS TO '${oldest}'`)
  }
}
