import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { Acknowledged } from '../../cluster-faults/world/acknowledged.ts'
import { Kingbus } from '../../e2e/harness/kingbus.ts'
import { Load } from '../../e2e/harness/load.ts'
import { type Mysqld, replicationUser } from '../../e2e/harness/mysqld.ts'
import { CutProxy } from '../../e2e/harness/network/cut-proxy.ts'
import { differencesFrom, lossesOf } from './losses.ts'
import { Served } from './served.ts'
import { beginToWait, startWaitingSource } from './waiting-source.ts'

const LOAD_REST_MS = 5
/** Half transactions are what a cut gives up. */
const BIG_SHARE = 0.05

export interface OneNodeOptions {
  readonly seed: number
  /** the folder that is the node's disk; default is that of everybody */
  readonly disk?: string
}

/** A source that waits for an acknowledgement at every commit, under load, and a node alone behind it. */
export class OneNode {
  readonly source: Mysqld
  readonly kingbus: Kingbus
  /** between the two */
  readonly proxy: CutProxy
  readonly served: Served
  readonly acknowledged: Acknowledged
  readonly #load: Load

  static async start({ seed, disk }: OneNodeOptions): Promise<OneNode> {
    const random = new SeededRandom(seed)
    const source = await startWaitingSource()
    const proxy = await CutProxy.start(source.port)
    const kingbus = await Kingbus.start({
      sourceUrl: `mysql://${replicationUser}@127.0.0.1:${proxy.port}`,
      flags: { 'source-semi-sync': 'true' },
      ...(disk === undefined ? {} : { disk }),
    })
    await kingbus.catchUpWith(source)
    await beginToWait(source)
    return new OneNode({
      source,
      kingbus,
      proxy,
      served: new Served(kingbus.port, 900),
      acknowledged: await Acknowledged.start(source, random.fork()),
      load: await Load.start(source, { seed, restMs: LOAD_REST_MS, bigShare: BIG_SHARE }),
    })
  }

  private constructor(
    parts: Pick<OneNode, 'source' | 'kingbus' | 'proxy' | 'served' | 'acknowledged'> & {
      readonly load: Load
    },
  ) {
    this.source = parts.source
    this.kingbus = parts.kingbus
    this.proxy = parts.proxy
    this.served = parts.served
    this.acknowledged = parts.acknowledged
    this.#load = parts.load
  }

  /** Transactions of which clients were told that they are committed. */
  get committed(): number {
    return this.acknowledged.count + this.#load.committed
  }

  /** What is lost since it has died, the source hanging. */
  async losses(): Promise<string[]> {
    const { source, kingbus, served, acknowledged } = this
    return await lossesOf(source, kingbus, { acknowledged: acknowledged.gtids, served })
  }

  /** Ends the load, and waits until the node has all. @returns in what it differs from the source then */
  async rest(): Promise<string[]> {
    const { source, kingbus } = this
    await Promise.all([this.acknowledged.stop(), this.#load.stop()])
    await kingbus.catchUpWith(source)
    await this.served.stop()
    return await differencesFrom(source, kingbus)
  }
}
