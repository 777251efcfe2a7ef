import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { atExit } from '../../e2e/harness/child.ts'
import { KingbusCluster } from '../../e2e/harness/cluster/kingbus-cluster.ts'
import { OwnDisk } from '../../e2e/harness/disks/own-disk.ts'
import { Load } from '../../e2e/harness/load.ts'
import { Mysqld, replicationUser } from '../../e2e/harness/mysqld.ts'
import { BridgedNetwork, type NetworkHost } from '../../e2e/harness/network/bridged-network.ts'
import { Replica } from '../../e2e/harness/replica.ts'
import { signalQuietly } from '../../e2e/harness/signals.ts'
import { waitFor } from '../../e2e/harness/wait.ts'
import { Acknowledged } from './acknowledged.ts'
import { FaultNode } from './fault-node.ts'
import { ShownWatch } from './shown-watch.ts'

const NODES = ['node1', 'node2', 'node3'] as const
const HOUR_MS = 3_600_000
const SETTLED_MS = 90_000
const LOAD_REST_MS = 15

export interface WorldOptions {
  readonly seed: number
  /** each has one of the nodes as its source */
  readonly replicas: number
  /** each node has a file system of its own */
  readonly hasOwnDisks: boolean
}

/** Who plays which part at the moment. */
export interface Roles {
  readonly leader: FaultNode
  /** in the order of the seed */
  readonly followers: readonly [FaultNode, FaultNode]
}

/**
 * Three nodes, each on a machine of its own, between a source that waits for their acknowledgement at every commit
 * and replicas, under a load that goes on.
 */
export class World {
  readonly network: BridgedNetwork
  readonly source: Mysqld
  readonly sourceHost: NetworkHost
  readonly nodes: readonly FaultNode[]
  readonly replicas: readonly Replica[]
  readonly watch: ShownWatch
  readonly #seed: number
  #loads = 0
  #load: Load | undefined
  #acknowledged: Acknowledged | undefined

  static async start(options: WorldOptions): Promise<World> {
    const network = new BridgedNetwork()
    const sourceHost = network.addHost('source')
    const hosts = NODES.map((name) => network.addHost(name))
    for (const host of hosts) host.openLoopback(ADMIN_PORT)
    // Their etcds outlive the processes that started them.
    atExit(() => {
      for (const pid of hosts.flatMap((host) => host.processes())) signalQuietly(pid, 'SIGKILL')
    })
    const disks = options.hasOwnDisks ? NODES.map((name) => new OwnDisk(name)) : undefined
    const source = await startSource(sourceHost)
    const uuid = new SeededRandom(options.seed).uuid()
    const cluster = await KingbusCluster.start({
      source,
      sourceUrl: `mysql://${replicationUser}@${sourceHost.address}:${source.port}`,
      places: hosts.map(({ place }) => place),
      ...(disks === undefined ? {} : { disks: disks.map(({ folder }) => folder) }),
      flags: {
        'source-semi-sync': 'true',
        'source-server-id': '77',
        'source-server-uuid': uuid,
      },
    })
    const nodes = hosts.map((host, index) => {
      const kingbus = cluster.node(index)
      return new FaultNode({
        kingbus,
        host,
        disk: disks?.[index],
        peerPort: cluster.peerPort(index),
      })
    })
    await cluster.leader()
    await source.sql(`SET GLOBAL rpl_semi_sync_source_timeout = ${HOUR_MS}`)
    await source.sql('SET GLOBAL rpl_semi_sync_source_enabled = ON')
    const replicas = await Promise.all(
      Array.from({ length: options.replicas }, (_, index) =>
        startReplica(network.addHost(`replica${index + 1}`), cluster.node(index), 11 + index),
      ),
    )
    return new World({ seed: options.seed, network, source, sourceHost, nodes, replicas })
  }

  private constructor(
    parts: Pick<World, 'network' | 'source' | 'sourceHost' | 'nodes' | 'replicas'> & {
      readonly seed: number
    },
  ) {
    this.network = parts.network
    this.source = parts.source
    this.sourceHost = parts.sourceHost
    this.nodes = parts.nodes
    this.replicas = parts.replicas
    this.#seed = parts.seed
    this.watch = new ShownWatch(this.nodes)
  }

  // ---- load

  get acknowledged(): Acknowledged {
    if (this.#acknowledged === undefined) throw new Error('there is no load')
    return this.#acknowledged
  }

  async startLoad(): Promise<void> {
    this.#loads += 1
    const seed = this.#seed * 1000 + this.#loads
    this.#acknowledged = await Acknowledged.start(this.source, new SeededRandom(seed))
    this.#load = await Load.start(this.source, { seed, restMs: LOAD_REST_MS })
  }

  /** @returns how many transactions were committed since it began */
  async stopLoad(): Promise<number> {
    await this.#acknowledged?.stop()
    await this.#load?.stop()
    return (this.#acknowledged?.count ?? 0) + (this.#load?.committed ?? 0)
  }

  // ---- who does what

  /** Waits until one node leads and both others count. */
  async settled(random: SeededRandom): Promise<Roles> {
    let last = ''
    const explain = (): string => `: ${last}`
    const what = 'one leader and two nodes in sync'
    return await waitFor({ what, timeoutMs: SETTLED_MS, stepMs: 200, explain }, async () => {
      const views = await Promise.all(this.nodes.map((node) => node.view().catch(() => undefined)))
      last = JSON.stringify(views.map((view) => view && { ...view, nodes: view.nodes.map(brief) }))
      const [view] = views
      const agree = views.every((one) => one !== undefined && one.leader === view?.leader)
      const roles = view?.nodes.map(({ role }) => role).toSorted()
      if (!agree || roles?.join() !== 'in-sync,in-sync,leader') return undefined
      return this.#roles(view?.leader ?? '', random)
    })
  }

  #roles(name: string, random: SeededRandom): Roles | undefined {
    const leader = this.nodes.find((node) => node.name === name)
    const [one, other] = this.nodes.filter((node) => node !== leader)
    if (leader === undefined || one === undefined || other === undefined) return undefined
    return { leader, followers: random.chance(0.5) ? [one, other] : [other, one] }
  }
}

const ADMIN_PORT = 9595

function brief({ name, role }: { readonly name: string; readonly role: string }): string {
  return `${name} ${role}`
}

async function startSource(host: NetworkHost): Promise<Mysqld> {
  return await Mysqld.start({
    serverId: 1,
    namespace: host.place.namespace,
    options: {
      'bind-address': '*',
      max_binlog_size: '2M',
      'plugin-load-add': 'semisync_source.so',
    },
  })
}

async function startReplica(
  host: NetworkHost,
  from: { readonly host: string; readonly port: number },
  serverId: number,
): Promise<Replica> {
  const server = await Mysqld.start({
    serverId,
    namespace: host.place.namespace,
    options: { relay_log_recovery: 'ON' },
  })
  const replica = new Replica(server)
  const clauses = [
    'SOURCE_CONNECT_RETRY=1',
    'SOURCE_RETRY_COUNT=100000',
    'SOURCE_HEARTBEAT_PERIOD=2',
  ]
  await server.sql('SET GLOBAL replica_net_timeout = 5')
  await replica.attach({ host: from.host, port: from.port }, { clauses })
  return replica
}
