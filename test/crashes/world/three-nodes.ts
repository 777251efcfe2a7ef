import { GtidSet } from '../../../src/mysql/index.ts'
import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { Acknowledged } from '../../cluster-faults/world/acknowledged.ts'
import { atExit } from '../../e2e/harness/child.ts'
import { killEtcds, killWithEtcds } from '../../e2e/harness/cluster/etcd-processes.ts'
import { KingbusCluster } from '../../e2e/harness/cluster/kingbus-cluster.ts'
import type { Kingbus } from '../../e2e/harness/kingbus.ts'
import { Load } from '../../e2e/harness/load.ts'
import { type Mysqld, replicationUser } from '../../e2e/harness/mysqld.ts'
import { CutProxy } from '../../e2e/harness/network/cut-proxy.ts'
import { waitFor } from '../../e2e/harness/wait.ts'
import { differencesFrom, lossesOf } from './losses.ts'
import { Served } from './served.ts'
import { beginToWait, startWaitingSource } from './waiting-source.ts'

const SETTLED_MS = 90_000
const SHOWN_MS = 60_000
const LOAD_REST_MS = 10
/** Connections break seldom here, so a small share makes enough half transactions. */
const BIG_SHARE = 0.02

/** A source that waits for an acknowledgement at every commit, under load, and a cluster behind it. */
export class ThreeNodes {
  readonly source: Mysqld
  readonly cluster: KingbusCluster
  /** between the source and whoever reads it */
  readonly proxy: CutProxy
  /** a client of each node */
  readonly served: readonly Served[]
  readonly acknowledged: Acknowledged
  readonly #load: Load

  /** @param disks one for each node: the folder that is its disk */
  static async start(seed: number, disks?: readonly string[]): Promise<ThreeNodes> {
    const random = new SeededRandom(seed)
    const source = await startWaitingSource()
    const proxy = await CutProxy.start(source.port)
    const cluster = await KingbusCluster.start({
      source,
      sourceUrl: `mysql://${replicationUser}@127.0.0.1:${proxy.port}`,
      flags: { 'source-semi-sync': 'true' },
      ...(disks === undefined ? {} : { disks }),
    })
    // Their etcds outlive the processes that started them.
    atExit(() => killEtcds(cluster.nodes))
    await cluster.leader()
    await cluster.catchUpWith(source)
    await beginToWait(source)
    return new ThreeNodes({
      source,
      cluster,
      proxy,
      served: cluster.nodes.map(({ port }, index) => new Served(port, 900 + index)),
      acknowledged: await Acknowledged.start(source, random.fork()),
      load: await Load.start(source, { seed, restMs: LOAD_REST_MS, bigShare: BIG_SHARE }),
    })
  }

  private constructor(
    parts: Pick<ThreeNodes, 'source' | 'cluster' | 'proxy' | 'served' | 'acknowledged'> & {
      readonly load: Load
    },
  ) {
    this.source = parts.source
    this.cluster = parts.cluster
    this.proxy = parts.proxy
    this.served = parts.served
    this.acknowledged = parts.acknowledged
    this.#load = parts.load
  }

  /** Transactions of which clients were told that they are committed. */
  get committed(): number {
    return this.acknowledged.count + this.#load.committed
  }

  /** Waits until one node leads and the others count. */
  async settled(): Promise<void> {
    let last = ''
    const explain = (): string => `: ${last}`
    const what = 'one leader and two nodes in sync'
    await waitFor({ what, timeoutMs: SETTLED_MS, stepMs: 200, explain }, async () => {
      const views = this.cluster.nodes.map((node) =>
        this.cluster.status(node).catch(() => undefined),
      )
      const roles = (await Promise.all(views)).map((view) =>
        (view?.nodes ?? [])
          .map(({ role }) => role)
          .toSorted()
          .join(),
      )
      last = roles.join(' | ')
      return roles.every((each) => each === 'in-sync,in-sync,leader')
    })
  }

  /** Everything dies at once: the nodes and the etcds that they run. */
  async kill9(): Promise<void> {
    await killWithEtcds(this.cluster.nodes)
  }

  /** What is lost since all have died, the source hanging: each node comes to show it, and has it in its files. */
  async losses(): Promise<string[]> {
    const losses: string[] = []
    for (const [index, node] of this.cluster.nodes.entries()) {
      const served = this.served[index]
      if (served === undefined) throw new Error(`node ${index} has no client`)
      const promised = { acknowledged: this.acknowledged.gtids, served }
      await shows(node, GtidSet.parse(promised.acknowledged).union(served.gtids))
      const found = await lossesOf(this.source, node, promised)
      losses.push(...found.map((loss) => `${this.cluster.nameOf(index)}: ${loss}`))
    }
    return losses
  }

  /** Ends the load, and waits until the nodes have all. @returns in what they differ from the source then */
  async rest(): Promise<string[]> {
    const { source, cluster } = this
    await Promise.all([this.acknowledged.stop(), this.#load.stop()])
    await cluster.catchUpWith(source)
    await Promise.all(this.served.map((served) => served.stop()))
    const differences: string[] = []
    for (const [index, node] of cluster.nodes.entries()) {
      for (const difference of await differencesFrom(source, node)) {
        differences.push(`${cluster.nameOf(index)}: ${difference}`)
      }
    }
    return differences
  }
}

/** Waits for a while: what is committed is known when a leader has said so. What is missing then is a loss. */
async function shows(node: Kingbus, promised: GtidSet): Promise<void> {
  const deadline = performance.now() + SHOWN_MS
  const what = 'a node to show what was promised'
  await waitFor({ what, timeoutMs: SHOWN_MS * 2, stepMs: 100 }, async () => {
    const { gtidExecuted } = await node.status()
    return GtidSet.parse(gtidExecuted).contains(promised) || performance.now() > deadline
  })
}
