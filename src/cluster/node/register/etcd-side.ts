import { createHash } from 'node:crypto'
import { type Logger, messageOf, OperationalError } from '../../../lib/index.ts'
import type { Clock, Disk, Processes, Random } from '../../../platform/index.ts'
import type { Authority } from '../../authority.ts'
import { EtcdClient, EtcdMember, Membership, memberTls } from '../../etcd/index.ts'
import type { ClusterSettings, EtcdSettings, FirstNode } from '../settings.ts'

const RETRY_MS = 1000

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
  async run(signal: AbortSignal): Promise<void> {
    const { etcd } = this.#options.settings
    if (etcd.kind !== 'own') return
    const beginning = await this.#beginning(etcd, signal)
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
      log: logger.child({ part: 'etcd' }),
    })
  }

  /**
   * What a member without data begins with. Where the others know it as a member that has been there, its data are
   * lost, and with them its votes: that member must not come back, so another takes its place.
   */
  async #beginning(own: OwnEtcd, signal: AbortSignal): Promise<Beginning | undefined> {
    const { settings, disk, folder, logger, clock } = this.#options
    const asNew: Beginning = {
      initialCluster: listOf(settings.initialCluster),
      initialClusterState: 'new',
    }
    if (await disk.exists(`${folder}/etcd/member/wal`)) return asNew
    const isAlone = settings.initialCluster.every(({ name }) => name === settings.name)
    if (settings.initialClusterState === 'new' && isAlone) return asNew
    let told = ''
    while (!signal.aborted) {
      try {
        const joined = await this.#join(own)
        if (joined !== undefined) return joined
        if (settings.initialClusterState === 'new') return asNew
        const message = 'this node is no member of the cluster yet: run kingbus members add there'
        if (message !== told) logger.warn({ node: settings.name }, message)
        told = message
      } catch (thrown) {
        if (!(thrown instanceof OperationalError)) throw thrown
        // Nobody answers: a new cluster begins, or one without a majority waits for this node.
        if (settings.initialClusterState === 'new') return asNew
        if (thrown.message !== told)
          logger.warn({ reason: messageOf(thrown) }, 'etcd of the others')
        told = thrown.message
      }
      await clock.sleep(RETRY_MS, signal)
    }
    return undefined
  }

  /** @returns undefined when the others do not list this member, or it has not begun anywhere yet */
  async #join(own: OwnEtcd): Promise<Beginning | undefined> {
    const { settings, logger } = this.#options
    const membership = new Membership(this.client)
    const mine = own.peerUrl.origin
    let list = await membership.list()
    const found = list.find(({ peerUrls }) => peerUrls.includes(mine))
    if (found === undefined) return undefined
    const hasBegun = found.clientUrls.length > 0
    if (!hasBegun && !found.isLearner && settings.initialClusterState === 'new') return undefined
    if (hasBegun) {
      logger.warn({ member: found.id }, 'the data of this member of etcd are gone: it joins anew')
      await membership.remove(found.id)
      await membership.addLearner([mine])
      list = await membership.list()
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
