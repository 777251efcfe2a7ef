import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kingbus, type KingbusOptions } from '../kingbus.ts'
import type { Mysqld } from '../mysqld.ts'
import type { Place } from '../network/place.ts'
import { freePorts } from '../ports.ts'
import { etcdProgram, makeRunFolder } from '../project.ts'
import { waitFor } from '../wait.ts'
import type { EtcdCluster } from './etcd-cluster.ts'

/** The link's, and two of etcd behind it. */
export const PORTS_OF_A_NODE = 3

export interface ClusterOptions {
  readonly source: Pick<Mysqld, 'sourceUrl'>
  readonly size?: number
  /** further flags of every node */
  readonly flags?: Readonly<Record<string, string>>
  readonly detached?: boolean
  /** as of a single node */
  readonly nativePassword?: boolean
  /** where the source is, for the nodes; default is its own address on 127.0.0.1 */
  readonly sourceUrl?: string
  /** one for each node; links and etcd are under TLS then */
  readonly places?: readonly Place[]
  /** an etcd that is there already, in the place of members of their own */
  readonly etcd?: EtcdCluster
  /** of every node's link, etcd's are behind it; each needs a place then. Default is any that is free */
  readonly firstPort?: number
  /** one for each node: the folder that is its disk */
  readonly disks?: readonly string[]
  /** one for each node: further variables of its environment */
  readonly envs?: readonly Readonly<Record<string, string>>[]
}

/** What `/api/v1/cluster` answers, as far as these tests look at it. */
export interface ClusterStatus {
  readonly leader: string | null
  readonly epoch: number
  readonly nodes: readonly {
    readonly name: string
    readonly role: string
    readonly end: number | null
  }[]
}

/** Several nodes on this machine, each with a member of etcd. */
export class KingbusCluster {
  readonly nodes: Kingbus[] = []
  /** of what the nodes share */
  readonly folder = makeRunFolder('cluster')
  readonly #options: ClusterOptions
  readonly secretFile: string
  readonly #ports: number[] = []

  static async start(options: ClusterOptions): Promise<KingbusCluster> {
    const cluster = new KingbusCluster(options)
    const { size = 3 } = options
    for (let index = 0; index < size; index += 1) await cluster.#takePorts()
    const starting = cluster.#ports.map((_, index) =>
      Kingbus.start(cluster.#nodeOptions(index, 'new')),
    )
    cluster.nodes.push(...(await Promise.all(starting)))
    return cluster
  }

  /** A node that was alone, and is stopped, goes on as the first of a cluster. */
  static async from(alone: Kingbus, options: ClusterOptions): Promise<KingbusCluster> {
    const cluster = new KingbusCluster(options)
    await cluster.#takePorts()
    const { flags = {} } = cluster.#nodeOptions(0, 'new')
    alone.setFlags(flags)
    await alone.launch()
    cluster.nodes.push(alone)
    return cluster
  }

  /** The node goes on as the first of another cluster, whose other nodes are added. */
  async beginAnew(index: number): Promise<void> {
    const node = this.node(index)
    const alone = `${this.nameOf(index)}=${this.urlOf(index)}`
    const { flags = {} } = this.#nodeOptions(index, 'new')
    node.setFlags({ ...flags, 'cluster-initial-cluster': alone })
    await node.launch()
  }

  private constructor(options: ClusterOptions) {
    this.#options = options
    this.secretFile = join(this.folder, 'secret')
    writeFileSync(this.secretFile, 'a secret of the test cluster\n', { mode: 0o600 })
  }

  /** Adds a node by way of one that runs, starts it, and returns it. */
  async add(by: Kingbus = this.node(0), observer = false): Promise<Kingbus> {
    const index = await this.#takePorts()
    await by.request('POST', '/api/v1/members', {
      name: this.nameOf(index),
      peerUrl: this.urlOf(index),
      observer,
    })
    const { flags = {}, ...options } = this.#nodeOptions(index, 'existing')
    const more = observer ? { 'cluster-observer': 'true' } : {}
    const node = await Kingbus.start({ ...options, flags: { ...flags, ...more } })
    this.nodes.push(node)
    return node
  }

  /** where a client of etcd calls the member of this node */
  etcdUrlOf(index: number): string {
    return `https://127.0.0.1:${this.peerPort(index) + 2}`
  }

  peerPort(index: number): number {
    return this.#ports[index] ?? 0
  }

  /** A stopped node is found at another place from now on. */
  async move(index: number, by: Kingbus): Promise<void> {
    this.#ports[index] = await freePorts(PORTS_OF_A_NODE)
    await by.request('PUT', `/api/v1/members/${this.nameOf(index)}`, { peerUrl: this.urlOf(index) })
    const { flags = {} } = this.#nodeOptions(index, 'new')
    this.node(index).setFlags(flags)
  }

  nameOf(index: number): string {
    return `node${index + 1}`
  }

  urlOf(index: number): string {
    const place = this.#options.places?.[index]
    const port = this.#ports[index]
    return place === undefined ? `http://127.0.0.1:${port}` : `https://${place.address}:${port}`
  }

  node(index: number): Kingbus {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}`)
    return node
  }

  async #takePorts(): Promise<number> {
    this.#ports.push(this.#options.firstPort ?? (await freePorts(PORTS_OF_A_NODE)))
    return this.#ports.length - 1
  }

  #nodeOptions(index: number, state: 'new' | 'existing'): KingbusOptions {
    const { source, flags = {}, detached = false, sourceUrl = source.sourceUrl } = this.#options
    const place = this.#options.places?.[index]
    const disk = this.#options.disks?.[index]
    const all = this.#ports.map((_, each) => `${this.nameOf(each)}=${this.urlOf(each)}`)
    const cluster = {
      name: this.nameOf(index),
      'cluster-peer-url': this.urlOf(index),
      'cluster-initial-cluster': all.join(','),
      'cluster-initial-cluster-state': state,
      'cluster-secret-file': this.secretFile,
      ...this.#etcdFlags(),
    }
    return {
      sourceUrl,
      flags: { ...cluster, ...flags },
      detached,
      nativePassword: this.#options.nativePassword ?? false,
      ...(place === undefined ? {} : { place }),
      ...(disk === undefined ? {} : { disk }),
      env: this.#options.envs?.[index] ?? {},
    }
  }

  #etcdFlags(): Readonly<Record<string, string>> {
    const { etcd } = this.#options
    if (etcd === undefined) return { 'cluster-etcd-binary': etcdProgram('etcd') }
    const file = (name: string): string => join(etcd.node(0).dataDir, 'etcd-member', name)
    return {
      'cluster-endpoints': etcd.nodes.map(({ address }) => `https://${address}`).join(','),
      'cluster-tls-ca-file': file('authority.pem'),
      'cluster-tls-cert-file': file('client.pem'),
      'cluster-tls-key-file': file('client-key.pem'),
    }
  }

  /** What a node says of the cluster. */
  async status(by: Kingbus = this.node(0)): Promise<ClusterStatus> {
    return (await by.request('GET', '/api/v1/cluster')) as ClusterStatus
  }

  /** Waits until every node that is named has this role. */
  async waitForRoles(roles: Readonly<Record<string, string>>, timeoutMs = 60_000): Promise<void> {
    let last: ClusterStatus | undefined
    const explain = (): string => `but it was ${JSON.stringify(last)}`
    const what = `the roles ${JSON.stringify(roles)}`
    await waitFor({ what, timeoutMs, explain }, async () => {
      const asked = this.nodes.find(({ isRunning }) => isRunning)
      last = await this.status(asked).catch(() => undefined)
      const found = Object.fromEntries((last?.nodes ?? []).map(({ name, role }) => [name, role]))
      return Object.entries(roles).every(([name, role]) =>
        role.split('|').includes(found[name] ?? ''),
      )
    })
  }

  /** The node that reads the source. */
  async leader(timeoutMs = 30_000): Promise<Kingbus> {
    const explain = (): string => this.nodes.map((node) => node.logTail()).join('\n--\n')
    return await waitFor({ what: 'a node that reads the source', timeoutMs, explain }, async () => {
      for (const node of this.nodes) {
        if (!node.isRunning) continue
        const status = await node.status().catch(() => undefined)
        if (status?.source.state === 'streaming') return node
      }
      return undefined
    })
  }

  /** The node that leads, whether it reads the source or not, once all that run agree on it. */
  async agreedLeader(): Promise<Kingbus> {
    return await waitFor({ what: 'a leader that all know' }, async () => {
      const running = this.nodes.filter((node) => node.isRunning)
      const told = await Promise.all(running.map((node) => node.status()))
      const names = new Set(told.map((status) => (status['cluster'] as { leader: string }).leader))
      if (names.size !== 1) return undefined
      return running.find((node) => names.has(this.nameOf(this.nodes.indexOf(node))))
    })
  }

  /** Two running nodes that do not lead. */
  async followers(): Promise<[Kingbus, Kingbus]> {
    const leader = await this.agreedLeader()
    const [one, other] = this.nodes.filter((node) => node !== leader && node.isRunning)
    if (one === undefined || other === undefined) throw new Error('there are no two followers')
    return [one, other]
  }

  /** Waits until every running node shows what the source has executed now. */
  async catchUpWith(source: Mysqld): Promise<void> {
    for (const node of this.nodes) if (node.isRunning) await node.catchUpWith(source)
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }
}
