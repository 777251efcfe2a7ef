import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemProcesses } from '../../src/platform/index.ts'
import {
  type ClusterOptions,
  KingbusCluster,
} from '../../test/e2e/harness/cluster/kingbus-cluster.ts'
import type { Kingbus } from '../../test/e2e/harness/kingbus.ts'
import type { Mysqld } from '../../test/e2e/harness/mysqld.ts'
import { sendSignal } from '../../test/e2e/harness/signals.ts'
import { waitFor } from '../../test/e2e/harness/wait.ts'
import { cpuSeconds } from '../process-usage.ts'

const allInSync = 'in-sync,in-sync,leader'
const settleMs = 60_000
const etcdStarts = 'starting the member of etcd'
const etcdIsReady = 'the member of etcd is ready'

/** Three nodes on this machine, each with its member of etcd. */
export class BenchCluster {
  readonly #cluster: KingbusCluster

  /** Resolves when one leads and both others count. */
  static async start(
    source: Mysqld,
    options: Omit<ClusterOptions, 'source'> = {},
  ): Promise<BenchCluster> {
    const flags = { 'source-tls': 'disabled', ...options.flags }
    const cluster = new BenchCluster(await KingbusCluster.start({ source, ...options, flags }))
    await cluster.settled()
    return cluster
  }

  private constructor(cluster: KingbusCluster) {
    this.#cluster = cluster
  }

  get nodes(): readonly Kingbus[] {
    return this.#cluster.nodes
  }

  /** The node that reads the source, or is to. Waits until all count. */
  async settled(): Promise<Kingbus> {
    let last: unknown
    const explain = (): string => `but it was ${JSON.stringify(last)}`
    const what = 'a leader with two nodes in sync'
    return await waitFor({ what, timeoutMs: settleMs, stepMs: 20, explain }, async () => {
      const views = await Promise.all(
        this.nodes.map((node) => this.#cluster.status(node).catch(() => undefined)),
      )
      last = views
      const leaders = new Set(views.map((view) => view?.leader))
      const [leader] = leaders
      const roles = views[0]?.nodes.map(({ role }) => role).toSorted()
      if (leaders.size !== 1 || roles?.join() !== allInSync) return undefined
      return this.nodes.find((_, index) => this.#cluster.nameOf(index) === leader)
    })
  }

  /** of its link; those of its etcd are the next two */
  peerPort(index: number): number {
    return this.#cluster.peerPort(index)
  }

  /** Grows with every take-over. */
  async epoch(): Promise<number> {
    const { epoch } = await this.#cluster.status(await this.settled())
    return epoch
  }

  /** Starts a node that was killed, and waits until its member of etcd takes part again. */
  async relaunch(node: Kingbus): Promise<void> {
    await node.launch()
    await waitFor({ what: 'its etcd to be ready', timeoutMs: settleMs, stepMs: 50 }, async () => {
      const log = readFileSync(node.logFile, 'utf8')
      return log.lastIndexOf(etcdIsReady) > log.lastIndexOf(etcdStarts)
    })
  }

  /** The member of etcd that this node runs; a node leads or follows also while its own is only starting. */
  async etcdOf(node: Kingbus): Promise<number> {
    const lock = join(node.dataFolder, 'etcd-member', 'lock')
    const explain = (): string => `of ${node.folder}\n${node.logTail()}`
    return await waitFor({ what: 'a member of etcd', timeoutMs: settleMs, explain }, async () => {
      const [pid] = await systemProcesses.holders(lock)
      return pid
    })
  }

  async etcds(): Promise<number[]> {
    return await Promise.all(this.nodes.map((node) => this.etcdOf(node)))
  }

  /** Of the nodes without their members of etcd. */
  cpuSeconds(): number {
    return this.nodes.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
  }

  async signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    for (const pid of [...this.nodes.map((node) => node.pid), ...(await this.etcds())]) {
      sendSignal(pid, name)
    }
  }

  async stopAndRemove(): Promise<void> {
    await this.#cluster.stop()
    for (const { folder } of [...this.nodes, this.#cluster]) {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
