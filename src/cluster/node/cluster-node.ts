import { messageOf, OperationalError, Watch, type Watched } from '../../lib/index.ts'
import { Sealer } from '../desired/sealer.ts'
import {
  type AliveLeader,
  isPassing,
  type MemberRecord,
  type NodeRecord,
  Register,
} from '../etcd/index.ts'
import { callPeer, dialPeer, LinkListener, type LinkOptions, type PeerLink } from '../link/index.ts'
import { readFacts } from '../log/facts-file.ts'
import type { Alarm } from '../protocol/decisions.ts'
import type { LeaderName } from '../protocol/state/cluster-state.ts'
import { ClusterJournal } from './cluster-journal.ts'
import { Driver } from './driver.ts'
import { Life } from './life.ts'
import { Management } from './members/management.ts'
import { type NodeReport, nodeReport } from './members/node-report.ts'
import type { ClusterNodeOptions } from './node-options.ts'
import { awaitState } from './register/bootstrap.ts'
import { EtcdSide } from './register/etcd-side.ts'
import { SessionLease } from './register/session-lease.ts'
import { takeStore } from './register/store-identity.ts'
import type { ClusterSettings } from './settings.ts'

const CHANNEL = 'main'
/** A life that the disk has ended is followed by another after so long. */
const NEXT_LIFE_MS = 1000
const ASK_MS = 2000

/** What takes a while to make. */
interface Opened {
  readonly etcd: EtcdSide
  readonly sealer: Sealer
}

/** What keeps a node from taking part, in the operator's words. */
export interface Trouble {
  readonly code: string
  readonly message: string
}

/**
 * A node of a cluster: its member of etcd, its links, and one life of the protocol after another, each from a start
 * (or a failure of the disk) to the next.
 */
export class ClusterNode {
  readonly journal: ClusterJournal
  readonly register: Register
  readonly etcd: EtcdSide
  readonly sealer: Sealer
  readonly #options: ClusterNodeOptions
  readonly #driver = new Watch<Driver | undefined>(undefined)
  readonly #leads = new Watch(false)
  readonly #trouble = new Watch<Trouble | undefined>(undefined)
  readonly #nodes = new Watch<ReadonlyMap<string, NodeRecord>>(new Map())
  readonly #members = new Watch<ReadonlyMap<string, MemberRecord> | undefined>(undefined)
  readonly management: Management
  readonly #lease: SessionLease
  readonly #links: LinkListener
  #alive: AliveLeader | undefined
  /** as its disk says; undefined before it was in one */
  #known: string | undefined
  #self: LeaderName | undefined
  #life: Life | undefined

  private constructor(options: ClusterNodeOptions, { etcd, sealer }: Opened) {
    this.#options = options
    this.etcd = etcd
    this.sealer = sealer
    const { random, logger: log, settings } = options
    this.register = new Register({ client: etcd.client, channel: CHANNEL, random, log })
    this.journal = new ClusterJournal(options.log, this.#driver)
    this.#lease = new SessionLease({
      client: etcd.client,
      ttlSeconds: settings.leaseTtlSeconds,
      random,
      log,
      bind: (lease) => this.#announce(lease),
    })
    this.#links = new LinkListener(this.linkOptions, {
      follow: (link) => this.#accept(link),
      call: (_, method, body) => this.management.answer(method, body),
    })
    this.management = new Management({
      name: settings.name,
      driver: this.#driver,
      register: this.register,
      etcd: etcd.membership,
      members: this.#members,
      nodes: this.#nodes,
      self: () => this.#report(),
      call: (node, method, body, timeoutMs) => this.#call(node, method, body, timeoutMs),
      clock: options.clock,
      logger: log,
    })
  }

  static async open(options: ClusterNodeOptions): Promise<ClusterNode> {
    const logger = options.logger.child({ part: 'cluster' })
    const etcd = await EtcdSide.open({ ...options, logger })
    const sealer = await Sealer.from(options.secret, options.random)
    return new ClusterNode({ ...options, logger }, { etcd, sealer })
  }

  /** Whether the source is this node's to read: it leads, and does not hand over. */
  get leads(): Watched<boolean> {
    return this.#leads
  }

  get driver(): Driver | undefined {
    return this.#driver.value
  }

  /** undefined while it takes part */
  get trouble(): Watched<Trouble | undefined> {
    return this.#trouble
  }

  /** all nodes that live, by name */
  get nodes(): Watched<ReadonlyMap<string, NodeRecord>> {
    return this.#nodes
  }

  get linkOptions(): LinkOptions {
    const { settings, secret, authority, clock, random, logger } = this.#options
    const cluster = () => this.#cluster
    return { self: { node: settings.name, cluster }, secret, authority, clock, random, logger }
  }

  get #cluster(): string | undefined {
    return this.#driver.value?.node.context.facts.now.cluster ?? this.#known
  }

  // ---- life

  /** Opens the port for the other nodes. @throws OperationalError E_LISTEN, E_STORE_DAMAGED, E_STORE_FORMAT */
  async listen(): Promise<void> {
    this.#known = (await this.#facts()).cluster
    await this.#links.open(this.#options.settings.peerUrl)
  }

  /** Until the signal fires. Rejects with what is our own fault. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController()
    const until = AbortSignal.any([signal, ended.signal])
    try {
      await Promise.all([
        this.#runMember(until),
        this.#lease.run(until),
        this.#followNodes(until),
        this.#followAlive(until),
        this.#followMembers(until),
        this.#live(until),
      ])
    } finally {
      ended.abort()
      await this.#links.close()
      this.etcd.client.close()
    }
  }

  /** Lets another node lead, when this one does and another can. */
  async handOver(): Promise<void> {
    if (this.#driver.value?.node.leader === undefined) return
    try {
      await this.management.lead(undefined)
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      this.#options.logger.info({ reason: thrown.message }, 'nobody else takes the lead')
    }
  }

  async #runMember(signal: AbortSignal): Promise<void> {
    try {
      await this.etcd.run(
        {
          hasBegun: () => this.#othersHaveBegun(),
          isWanted: (etcdPeerUrl) => this.#isWanted(etcdPeerUrl),
        },
        signal,
      )
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      this.#fail(thrown)
    }
  }

  /**
   * Whether the first nodes beside this one are in a cluster already; undefined when it is not known of all.
   */
  async #othersHaveBegun(): Promise<boolean | undefined> {
    const { name, initialCluster } = this.#options.settings
    const others = initialCluster.filter((first) => first.name !== name)
    const begun = await Promise.all(others.map((first) => this.#hasBegun(first.name)))
    if (begun.includes(true)) return true
    return begun.includes(undefined) ? undefined : false
  }

  async #isWanted(etcdPeerUrl: string): Promise<boolean> {
    const seen = await this.register.member(this.#options.settings.name).read()
    return seen?.content.etcdPeerUrl === etcdPeerUrl
  }

  async #hasBegun(name: string): Promise<boolean | undefined> {
    try {
      const answer = await this.#call(name, 'status', null, ASK_MS)
      return nodeReport.parse(answer).cluster !== null
    } catch (thrown) {
      this.#options.logger.debug(
        { node: name, reason: messageOf(thrown) },
        'a first node is silent',
      )
      return undefined
    }
  }

  async #live(signal: AbortSignal): Promise<void> {
    const { clock, logger, log } = this.#options
    await this.#showKnown()
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        // What a log says of itself after a life is not what is on the disk.
        if (!isFirst) await log.reopen()
        const why = await this.#liveOnce(signal)
        if (why === undefined) return
        if (typeof why === 'string') return this.#stop(why)
        logger.error({ code: why.code }, `${why.message}; tries again`)
        this.#trouble.set({ code: why.code, message: why.message })
        await clock.sleep(NEXT_LIFE_MS, signal)
      } catch (thrown) {
        if (signal.aborted) return
        if (!(thrown instanceof OperationalError)) throw thrown
        if (thrown.reaction === 'operator' || thrown.reaction === 'refuse')
          return this.#fail(thrown)
        this.#trouble.set({ code: thrown.code, message: thrown.message })
        await clock.sleep(NEXT_LIFE_MS, signal)
      }
    }
  }

  /** What this node knew to be committed is shown before anybody is asked. */
  async #showKnown(): Promise<void> {
    const { log } = this.#options
    const { known } = await this.#facts()
    await log.show(Math.min(known, log.durable))
  }

  /** @returns why it has ended; undefined when the signal fired */
  async #liveOnce(signal: AbortSignal): Promise<Alarm | OperationalError | undefined> {
    const { settings, disk, random, clock, folder, storeId, logger } = this.#options
    const { register } = this
    await this.#requireSameCluster(signal)
    if (signal.aborted) return undefined
    const store = await takeStore({ disk, random, clock, folder, storeId, register }, signal)
    const self = { node: settings.name, ...store }
    this.#self = self
    this.#lease.rebind()
    const first = firstMembers(settings)
    await awaitState({ register, nodes: this.#nodes, first, clock, random, log: logger }, signal)
    if (signal.aborted) return undefined
    const life = new Life({
      ...this.#options,
      self,
      facts: await this.#facts(),
      register,
      lease: () => this.#lease.id,
      alive: () => this.#alive,
      urlOf: (node) => this.urlOf(node),
      dial: (url, until) => dialPeer(url, this.linkOptions, until),
      members: this.#members,
      membership: this.etcd.membership,
    })
    this.#life = life
    const unfollow = life.driver.stepped.follow(() => this.#noteLeading(life.driver))
    this.#driver.set(life.driver)
    this.#trouble.set(undefined)
    try {
      return await life.run(signal)
    } finally {
      unfollow()
      this.#life = undefined
      this.#driver.set(undefined)
      this.#leads.set(false)
    }
  }

  #noteLeading({ node, isOver }: Driver): void {
    const leads = !isOver && node.leader !== undefined && node.leader.heir === undefined
    if (leads !== this.#leads.value) this.#leads.set(leads)
  }

  /** Rule 11, before anything is written: a store's token would tell nothing in another cluster's etcd. */
  async #requireSameCluster(signal: AbortSignal): Promise<void> {
    const facts = await this.#facts()
    while (facts.cluster !== undefined && !signal.aborted) {
      try {
        const seen = await this.register.state.read()
        if (seen?.content.cluster === facts.cluster) return
        throw new OperationalError(
          'E_CLUSTER_OTHER',
          seen === undefined
            ? 'etcd has no state of this cluster: its data were lost or replaced; bring them back, ' +
                'or run kingbus cluster recover'
            : `etcd has the state of another cluster, ${seen.content.cluster}; this node belongs to ${facts.cluster}`,
        )
      } catch (thrown) {
        if (!isPassing(thrown)) throw thrown
        await this.#options.clock.sleep(NEXT_LIFE_MS, signal)
      }
    }
  }

  async #facts() {
    return await readFacts(this.#options.disk, `${this.#options.folder}/cluster.json`)
  }

  #stop(alarm: Alarm): void {
    this.#fail(new OperationalError('E_CLUSTER_STOPPED', ALARMS[alarm], { alarm }))
  }

  #fail(error: OperationalError): void {
    const { code, message } = error
    this.#options.logger.error({ code, ...error.context }, message)
    this.#trouble.set({ code, message })
  }

  // ---- etcd

  async #announce(lease: string): Promise<boolean> {
    const self = this.#self
    const { settings, version, log } = this.#options
    if (self === undefined) return true
    const driver = this.#driver.value
    const record: NodeRecord = {
      store: self.store,
      incarnation: self.incarnation,
      version,
      peerUrl: settings.peerUrl.origin,
      end: log.end,
      isObserver: settings.isObserver,
    }
    const isTold = await this.register.announce(settings.name, record, lease)
    return isTold && (driver === undefined || (await this.#life?.showLife(lease)) !== false)
  }

  async #followNodes(signal: AbortSignal): Promise<void> {
    for await (const nodes of this.register.followNodes(signal)) this.#nodes.set(nodes)
  }

  async #followAlive(signal: AbortSignal): Promise<void> {
    for await (const seen of this.register.aliveLeader.follow(signal)) {
      this.#alive = seen?.content
      this.#life?.succession.consider()
    }
  }

  async #followMembers(signal: AbortSignal): Promise<void> {
    for await (const members of this.register.followMembers(signal)) this.#members.set(members)
  }

  urlOf(node: string): URL | undefined {
    const told = this.#nodes.value.get(node)?.peerUrl ?? this.#members.value?.get(node)?.peerUrl
    if (told !== undefined) return new URL(told)
    return this.#options.settings.initialCluster.find(({ name }) => name === node)?.peerUrl
  }

  // ---- links

  #accept(link: PeerLink): void {
    const driver = this.#driver.value
    if (driver === undefined || driver.isOver) return link.close('this node does not take part yet')
    driver.accepted(link)
  }

  async #call(node: string, method: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const url = this.urlOf(node)
    if (url === undefined) {
      throw new OperationalError('E_PEER_UNREACHABLE', `nobody knows where ${node} is`)
    }
    const late = new AbortController()
    const cancel = this.#options.clock.after(timeoutMs, () => late.abort())
    try {
      return await callPeer(url, this.linkOptions, { method, body }, late.signal)
    } finally {
      cancel()
    }
  }

  #report(): NodeReport {
    const { settings, log, places } = this.#options
    const driver = this.#driver.value
    const visible = log.visible.value
    return {
      name: settings.name,
      cluster: this.#cluster ?? null,
      store: this.#self?.store ?? '',
      epoch: driver?.node.leader?.epoch ?? driver?.node.context.facts.now.promised ?? 0,
      isLeading: driver?.node.leader !== undefined,
      end: log.durable,
      visible: visible === undefined ? null : { file: visible.file, position: visible.position },
      ...places(),
      trouble: this.#trouble.value?.message ?? null,
    }
  }
}

function firstMembers(settings: ClusterSettings): ReadonlyMap<string, MemberRecord> | undefined {
  if (settings.initialClusterState !== 'new') return undefined
  const hasEtcd = settings.etcd.kind === 'own'
  return new Map(
    settings.initialCluster.map(({ name, peerUrl, etcdPeerUrl }) => {
      const record = { peerUrl: peerUrl.origin, isObserver: false }
      return [name, hasEtcd ? { ...record, etcdPeerUrl: etcdPeerUrl.origin } : record]
    }),
  )
}

const ALARMS: Readonly<Record<Alarm, string>> = {
  'digest-differs':
    'the log of this node differs from the leader’s where both should be the same: one of them is damaged. ' +
    'Run kingbus verify on both; then remove the data directory of the damaged one, and let it join anew',
  'register-went-back':
    'etcd shows an older state than this node has seen: its data were lost or restored from a backup. ' +
    'Bring the newest data back, or run kingbus cluster recover',
  'disk-failed': 'the disk failed',
}
