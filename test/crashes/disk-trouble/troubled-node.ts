import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { GtidSet } from '../../../src/mysql/index.ts'
import { compareBinlogs, serverDifferences } from '../../e2e/harness/compare.ts'
import { Kingbus } from '../../e2e/harness/kingbus.ts'
import { Load } from '../../e2e/harness/load.ts'
import { mysqlbinlog, remoteArguments } from '../../e2e/harness/mysqlbinlog.ts'
import type { Mysqld } from '../../e2e/harness/mysqld.ts'
import { Replica } from '../../e2e/harness/replica.ts'
import { AckChecker } from '../../e2e/harness/semi-sync/ack-checker.ts'
import { ProcessTrace } from '../../e2e/harness/semi-sync/process-trace.ts'
import { waitFor } from '../../e2e/harness/wait.ts'
import { damagesOf } from '../world/losses.ts'
import { beginToWait, startWaitingSource } from '../world/waiting-source.ts'

const LOAD_REST_MS = 3
const PATIENCE_MS = 40_000

export interface TroubledNodeOptions {
  readonly seed: number
  /** the folder of the node's data directory */
  readonly disk: string
  /** whether the source waits for acknowledgements, each of which is checked */
  readonly semiSync: boolean
  readonly flags?: Readonly<Record<string, string>>
}

/** What `status` says of a disk in trouble. */
interface Trouble {
  readonly state: string
  readonly code: string
}

/** A node alone on a disk that gets into trouble, between a source under load and a replica. */
export class TroubledNode {
  readonly source: Mysqld
  readonly kingbus: Kingbus
  readonly replica: Replica
  readonly #checker: AckChecker
  readonly #semiSync: boolean
  readonly #seed: number
  #load: Load | undefined

  static async start(options: TroubledNodeOptions): Promise<TroubledNode> {
    const { disk, semiSync, flags } = options
    const source = await startWaitingSource()
    const trace = new ProcessTrace()
    const checker = await AckChecker.start({ port: source.port, traces: [trace] })
    const kingbus = await Kingbus.start({
      sourceUrl: checker.sourceUrl,
      disk,
      flags: {
        'source-semi-sync': String(semiSync),
        'source-tls': 'disabled',
        'disk-min-free': '1',
        'log-format': 'json',
        ...flags,
      },
      env: trace.env,
    })
    await kingbus.catchUpWith(source)
    if (semiSync) await beginToWait(source)
    const clauses = ['SOURCE_CONNECT_RETRY=1']
    const replica = await Replica.start(kingbus, { serverId: 2 }, { clauses })
    return new TroubledNode({ source, kingbus, replica, checker }, options)
  }

  private constructor(
    parts: Pick<TroubledNode, 'source' | 'kingbus' | 'replica'> & { readonly checker: AckChecker },
    { seed, semiSync }: TroubledNodeOptions,
  ) {
    this.source = parts.source
    this.kingbus = parts.kingbus
    this.replica = parts.replica
    this.#checker = parts.checker
    this.#semiSync = semiSync
    this.#seed = seed
  }

  async beginLoad(): Promise<void> {
    const options = { seed: this.#seed, restMs: LOAD_REST_MS, bigShare: 0.02 }
    this.#load = await Load.start(this.source, options)
    await this.expectMore()
  }

  /** Until more is committed at the source and shown by the node. */
  async expectMore(): Promise<void> {
    const { committed } = this
    const goal = committed + 20
    const explain = (): string => this.kingbus.logTail()
    await waitFor({ what: 'commits', timeoutMs: PATIENCE_MS, explain }, async () => {
      expect(this.#checker.violations).toEqual([])
      return this.committed >= goal
    })
    const executed = await this.source.gtidExecuted()
    await this.replica.waitForGtids(executed, PATIENCE_MS)
  }

  get committed(): number {
    return this.#load?.committed ?? 0
  }

  /** Until status and metrics have this of the disk, and the dump from the source waits. */
  async waitForTrouble({ state, code }: Trouble): Promise<void> {
    let last = ''
    const explain = (): string => `but it was ${last}\n${this.kingbus.logTail()}`
    await waitFor(
      { what: `the disk to be ${state}`, timeoutMs: PATIENCE_MS, explain },
      async () => {
        const { disk, source } = await this.kingbus.status()
        last = JSON.stringify({ disk, source })
        const now = disk as {
          readonly state: string
          readonly error: { readonly code: string } | null
        }
        return now.state === state && now.error?.code === code && source.state === 'paused'
      },
    )
    expect(await this.#metric(`kingbus_disk_state{state="${state}"}`)).toBe('1')
    expect(await this.#metric('kingbus_disk_state{state="ok"}')).toBe('0')
  }

  async waitForRecovery(): Promise<void> {
    const explain = (): string => this.kingbus.logTail()
    await waitFor({ what: 'the disk to be well', timeoutMs: PATIENCE_MS, explain }, async () => {
      return (await this.#metric('kingbus_disk_state{state="ok"}')) === '1'
    })
  }

  /** What is shown is served from its beginning to its end, and the replica stays connected. */
  async expectServed(): Promise<void> {
    const first = this.kingbus.binlogs()[0]?.name ?? ''
    const target = ['--to-last-log', '--verify-binlog-checksum', '--base64-output=DECODE-ROWS']
    const remote = remoteArguments(this.kingbus, 'BINLOG-DUMP-NON-GTIDS')
    const printed = await mysqlbinlog(...remote, ...target, first)
    const { gtidExecuted } = await this.kingbus.status()
    const served = printed.match(/SET @@SESSION.GTID_NEXT= '[0-9a-f]/g)?.length ?? 0
    expect(served).toBe(Number(GtidSet.parse(gtidExecuted).count()))
    expect((await this.replica.status())['Replica_IO_Running']).toBe('Yes')
  }

  /** With semi-sync nothing goes on that is not durable here. */
  async expectNoCommit(work: () => Promise<void>): Promise<void> {
    const { committed } = this
    await work()
    if (this.#semiSync) expect(this.committed).toBe(committed)
  }

  /** Lines of the log, each an object. */
  logLines(): ReadonlyArray<Readonly<Record<string, unknown>>> {
    const lines = readFileSync(this.kingbus.logFile, 'utf8').split('\n')
    return lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  }

  /** How often the log says that the disk is in this state. */
  timesTold(state: string): number {
    return this.logLines().filter((line) => line['part'] === 'disk' && line['state'] === state)
      .length
  }

  /** Ends the load: all that the source has is on the node and the replica, and nothing is torn. */
  async rest(): Promise<void> {
    await this.#load?.stop()
    await this.kingbus.catchUpWith(this.source)
    await this.replica.catchUpWith(this.source)
    expect((await compareBinlogs(this.source, this.kingbus)).differences).toEqual([])
    expect(await serverDifferences(this.source, this.replica.server)).toEqual([])
    expect(await damagesOf(this.kingbus)).toEqual([])
    expect(this.#checker.violations).toEqual([])
    expect(this.#checker.acks > 0).toBe(this.#semiSync)
  }

  async #metric(name: string): Promise<string | undefined> {
    const answer = await fetch(`${this.kingbus.adminUrl}/metrics`)
    const line = (await answer.text()).split('\n').find((one) => one.startsWith(`${name} `))
    return line?.slice(name.length + 1)
  }
}
