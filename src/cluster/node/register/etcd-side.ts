import { createHash } from 'node:crypto'
import { type Logger, OperationalError } from '../../../lib/index.ts'
import type { Clock, Disk, Processes, Random } from '../../../platform/index.ts'
import type { Authority } from '../../authority.ts'
import { EtcdClient, EtcdMember, Membership, memberTls } from '../../etcd/index.ts'
import type { ClusterSettings, EtcdSettings, FirstNode } from '../settings.ts'

const RETRY_MS = 500
const NOT_LISTED = 'this node is no member of the cluster yet: run kingbus members add there'
const WAITS_FOR_FIRST = 'a new cluster begins when all of cluster.initial-cluster answer'

export interface EtcdSideOptions {
  readonly settings: ClusterSettings
  readonly authority: Authority
  readonly folder: string
  readonly disk: Disk
  readonly processes: Processes
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** What a member that begins has to know. */
export interface ClusterView {
  /** whether the other first nodes are in a cluster already; undefined when not all of them have said */
  hasBegun(): Promise<boolean | undefined>
  /** whether the operator wants a member at this URL. @throws OperationalError E_ETCD_UNAVAILABLE */
  isWanted(etcdPeerUrl: string): Promise<boolean>
}

type OwnEtcd = Extract<EtcdSettings, { kind: 'own' }>

/** The list that a member of etcd starts with when it has no data yet. */
interface Beginning {
  readonly initialCluster: string
  readonly initialClusterState: 'new' | 'existing'
}

/** This node's etcd: a client, and the member that it runs unless the operator has an etcd. */
export class EtcdSide {
  readonly client: EtcdClient
  /** undefined where the operator keeps the members */
  readonly membership: Membership | undefined
  readonly #options: EtcdSideOptions

  private constructor(options: EtcdSideOptions, client: EtcdClient) {
    this.#options = options
    this.client = client
    this.membership = options.settings.etcd.kind === 'given' ? undefined : new Membership(client)
  }

  static async open(options: EtcdSideOptions): Promise<EtcdSide> {
    const { settings, authority, clock } = options
    const { etcd, name } = settings
    if (etcd.kind === 'given') {
      const { endpoints, tls } = etcd
      return new EtcdSide(options, new EtcdClient({ endpoints, tls, clock }))
    }
    const tls = memberTls(authority, await authority.issueForClient(name))
    return new EtcdSide(options, new EtcdClient({ endpoints: addressesOf(settings), tls, clock }))
  }

  /** Runs the member until the signal fires. Rejects when only the operator can help. */
  async run(cluster: ClusterView, signal: AbortSignal): Promise<void> {
    const { etcd } = this.#options.settings
    if (etcd.kind !== 'own') return
    const beginning = await this.#beginning(etcd, cluster, signal)
    if (beginning === undefined) return
    await this.#member(etcd, beginning).run(signal)
  }

  #member(own: OwnEtcd, beginning: Beginning): EtcdMember {
    const { settings, authority, folder, disk, processes, clock, random, logger } = this.#options
    const { name, heartbeatMs, electionMs } = settings
    return new EtcdMember({
      binary: own.binary,
      dataDir: folder,
      settings: {
        name,
        peerUrl: own.peerUrl.origin,
        clientUrl: own.clientUrl.origin,
        ...beginning,
        clusterToken: tokenOf(settings.initialCluster),
        heartbeatMs,
        electionMs,
      },
      authority,
      disk,
      processes,
      clock,
      random,
      log: logger,
    })
  }

  /**
   * What a member without data begins with. Where the cluster has begun already, the data of this member are lost, and
   * with them its votes: it must not come back as the one that it was, so another takes its place.
   */
  async #beginning(
    own: OwnEtcd,
    cluster: ClusterView,
    signal: AbortSignal,
  ): Promise<Beginning | undefined> {
    const { settings, disk, folder, logger, clock } = this.#options
    const asNew: Beginning = {
      initialCluster: listOf(settings.initialCluster),
      initialClusterState: 'new',
    }
    if (await disk.exists(`${folder}/etcd/member/wal`)) return asNew
    const isNew = settings.initialClusterState === 'new'
    let told = ''
    while (!signal.aborted) {
      const hasBegun = isNew ? await cluster.hasBegun() : true
      if (hasBegun === false) return asNew
      const joined = hasBegun === true ? await this.#tryToJoin(own, cluster) : WAITS_FOR_FIRST
      if (typeof joined !== 'string') return joined
      if (joined !== told) logger.warn({ node: settings.name }, joined)
      told = joined
      await clock.sleep(RETRY_MS, signal)
    }
    return undefined
  }

  /** @returns why it cannot yet, in words */
  async #tryToJoin(own: OwnEtcd, cluster: ClusterView): Promise<Beginning | string> {
    try {
      return (await this.#join(own, cluster)) ?? NOT_LISTED
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      return `it waits to join the others: ${thrown.message}`
    }
  }

  /** @returns undefined when nobody wants this member */
  async #join(own: OwnEtcd, cluster: ClusterView): Promise<Beginning | undefined> {
    const { settings, logger } = this.#options
    const membership = new Membership(this.client)
    const mine = own.peerUrl.origin
    let list = await membership.list()
    const found = list.find(({ peerUrls }) => peerUrls.includes(mine))
    if (found === undefined && !(await cluster.isWanted(mine))) return undefined
    // A learner that was never started has no data that could be missing.
    const isGone = found !== undefined && (found.clientUrls.length > 0 || !found.isLearner)
    if (isGone) {
      logger.warn({ member: found.id }, 'the data of this member of etcd are gone: it joins anew')
      await membership.remove(found.id)
    }
    if (isGone || found === undefined) {
      await membership.addLearner([mine])
      list = await membership.list()
      // The answer may have been lost, and nothing done: a list without itself would keep etcd from starting for ever.
      if (!list.some(({ peerUrls }) => peerUrls.includes(mine))) {
        throw new OperationalError('E_ETCD_UNAVAILABLE', `etcd has no member at ${mine} yet`)
      }
      await EtcdMember.forget(this.#options.folder, this.#options.disk)
    }
    const names = list.flatMap(({ name, peerUrls }) =>
      peerUrls.map((url) => `${url === mine ? settings.name : name}=${url}`),
    )
    return { initialCluster: names.join(','), initialClusterState: 'existing' }
  }
}

function listOf(initialCluster: readonly FirstNode[]): string {
  return initialCluster.map(({ name, etcdPeerUrl }) => `${name}=${etcdPeerUrl.origin}`).join(',')
}

/** The own member first: it is the nearest. */
function addressesOf({ name, initialCluster, etcd }: ClusterSettings): string[] {
  const others = initialCluster.filter((one) => one.name !== name)
  const hosts = others.map(({ etcdClientUrl }) => etcdClientUrl.host)
  return etcd.kind === 'own' ? [etcd.clientUrl.host, ...hosts] : hosts
}

/** The same on all first members, and another for another cluster. */
function tokenOf(initialCluster: readonly FirstNode[]): string {
  const text = initialCluster.map(({ name, peerUrl }) => `${name}=${peerUrl.href}`).sort()
  return createHash('sha256').update(text.join()).digest('hex').slice(0, 32)
}
