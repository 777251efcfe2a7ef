import { assert, Backoff, OperationalError, Watch, type Watched } from '../../lib/index.ts'
import { isWriteFailure } from '../../store/index.ts'
import { Sealer } from '../desired/sealer.ts'
import { isPassing, type MemberRecord, type NodeRecord, Register } from '../etcd/index.ts'
import { dialPeer, LinkListener, type LinkOptions, type PeerLink } from '../link/index.ts'
import { readFacts, writeFacts } from '../log/facts-file.ts'
import type { Alarm } from '../protocol/decisions.ts'
import { NO_FACTS } from '../protocol/log/durable-facts.ts'
import type { LeaderName } from '../protocol/state/cluster-state.ts'
import { CopyComparison } from './check/copy-comparison.ts'
import { DIGEST_POINTS } from './check/digest-call.ts'
import { FILE_RANGE, FileCalls } from './check/file-call.ts'
import { ClusterJournal } from './cluster-journal.ts'
import { Driver } from './driver.ts'
import { Life } from './life.ts'
import { Admission, notAMember } from './members/admission.ts'
import { Directory } from './members/directory.ts'
import { type ClusterFigures, figuresOf } from './members/figures.ts'
import { Management } from './members/management.ts'
import type { NodeReport } from './members/node-report.ts'
import type { ClusterNodeOptions } from './node-options.ts'
import { awaitState } from './register/bootstrap.ts'
import { EtcdSide } from './register/etcd-side.ts'
import { FirstStart } from './register/first-start.ts'
import { SessionLease } from './register/session-lease.ts'
import { takeStore } from './register/store-identity.ts'
import type { ClusterSettings } from './settings.ts'

const CHANNEL = 'main'
/** A life that is over is followed by another after so long. */
const NEXT_LIFE_MS = 1000
/** Where the disk has ended it, and ends the next ones soon: others need not count on this node meanwhile. */
const SICK_DISK = { firstMs: NEXT_LIFE_MS, mostMs: 10_000 }
const WELL_MS = 60_000
/** A node that ends does not wait longer for another to lead. */
const LEAVE_MS = 3000

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
  readonly #directory: Directory
  readonly #admission: Admission
  readonly management: Management
  /** of the files of this node with those of the one that leads */
  readonly comparison: CopyComparison
  /** bytes of files for the others, and theirs */
  readonly files: FileCalls
  readonly #lease: SessionLease
  readonly #links: LinkListener
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
    const link = this.linkOptions
    this.#directory = new Directory({
      settings,
      register: this.register,
      link,
      clock: options.clock,
    })
    this.#admission = new Admission({
      name: settings.name,
      directory: this.#directory,
      register: this.register,
      clock: options.clock,
    })
    this.#links = new LinkListener(link, {
      follow: (link) => this.#accept(link),
      call: (_, method, body) => this.management.answer(method, body),
    })
    this.management = new Management({
      name: settings.name,
      driver: this.#driver,
      register: this.register,
      etcd: etcd.membership,
      directory: this.#directory,
      self: () => this.#report(),
      clock: options.clock,
    })
    this.comparison = this.#makeComparison()
    this.files = this.#makeFiles()
  }

  #makeComparison(): CopyComparison {
    const { log, disk, logger } = this.#options
    const { name, management } = this
    const { folder } = log.context
    const comparison = new CopyComparison({
      name,
      disk,
      folder,
      store: log,
      logger,
      leader: () => this.leader,
      ask: (node, question) => management.ask(node, DIGEST_POINTS, question),
    })
    management.handle(DIGEST_POINTS, (question) => comparison.answer(question))
    return comparison
  }

  #makeFiles(): FileCalls {
    const { log, disk } = this.#options
    const { name, management } = this
    const files = new FileCalls({
      name,
      disk,
      folder: log.context.folder,
      store: log,
      nodes: () => [...this.#directory.nodes.value.keys()],
      ask: (node, question) => management.ask(node, FILE_RANGE, question),
    })
    management.handle(FILE_RANGE, (question) => files.answer(question))
    return files
  }

  /** Shows what this node knew to be committed when it ended last. @throws OperationalError */
  static async open(options: ClusterNodeOptions): Promise<ClusterNode> {
    const logger = options.logger.child({ part: 'cluster' })
    const etcdLogger = options.logger.child({ part: 'etcd' })
    const etcd = await EtcdSide.open({ ...options, logger: etcdLogger })
    const sealer = await Sealer.from(options.secret, options.random)
    const node = new ClusterNode({ ...options, logger }, { etcd, sealer })
    await node.#showKnown()
    return node
  }

  /** Whether the source is this node's to read: it leads, and does not hand over. */
  get leads(): Watched<boolean> {
    return this.#leads
  }

  /** undefined while it takes part */
  get trouble(): Watched<Trouble | undefined> {
    return this.#trouble
  }

  /** why nothing is written to the log: after a moment it is read again and gone on with */
  get diskFailure(): OperationalError | undefined {
    return this.#options.log.failure
  }

  get name(): string {
    return this.#options.settings.name
  }

  /** The name of the node that leads, as far as it is known here; undefined when none shows that it lives. */
  get leader(): string | undefined {
    if (this.#driver.value?.node.leader !== undefined) return this.name
    // Of this node it tells of an earlier life.
    const alive = this.#directory.alive.value
    return alive?.node === this.name ? undefined : alive?.node
  }

  /** undefined while it takes no part */
  get figures(): ClusterFigures | undefined {
    const driver = this.#driver.value
    return driver && figuresOf(driver, this.#directory.members.value)
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
        this.#directory.run(until),
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
      await this.management.handOver('', LEAVE_MS)
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      this.#options.logger.info({ reason: thrown.message }, 'nobody else takes the lead')
    }
  }

  async #runMember(signal: AbortSignal): Promise<void> {
    const { settings, logger, clock } = this.#options
    const { register } = this
    const firstStart = new FirstStart({ settings, register, directory: this.#directory, logger })
    let told = ''
    while (!signal.aborted) {
      try {
        return await this.etcd.run(firstStart, signal)
      } catch (thrown) {
        if (!(thrown instanceof OperationalError)) throw thrown
        if (thrown.reaction !== 'pause') return this.#fail(thrown)
        const { code, message } = thrown
        if (message !== told) logger.warn({ code }, `the member of etcd waits: ${message}`)
        told = message
        await clock.sleep(NEXT_LIFE_MS, signal)
      }
    }
  }

  async #live(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options
    // What a life has left at the disk is read and synced anew before the next one trusts it.
    let isRead = true
    const backoff = new Backoff(SICK_DISK, () => random.fraction())
    let bornMs = clock.monotonicMs()
    while (!signal.aborted) {
      try {
        if (!isRead) await this.#readAnew()
        isRead = false
        bornMs = clock.monotonicMs()
        const why = await this.#liveOnce(signal)
        if (why === undefined) continue
        if (typeof why === 'string') return this.#stop(why)
        this.#trouble.set({ code: why.code, message: why.message })
      } catch (thrown) {
        if (signal.aborted) return
        if (!(thrown instanceof OperationalError)) throw thrown
        if (thrown.reaction === 'operator' || thrown.reaction === 'refuse')
          return this.#fail(thrown)
        this.#trouble.set({ code: thrown.code, message: thrown.message })
      }
      if (clock.monotonicMs() - bornMs > WELL_MS) backoff.reset()
      await clock.sleep(log.failure === undefined ? NEXT_LIFE_MS : backoff.nextMs(), signal)
    }
  }

  /** What was promised last may not be on the disk either. */
  async #readAnew(): Promise<void> {
    const { disk, folder, log } = this.#options
    await log.reopen()
    const facts = await this.#facts()
    if (facts !== NO_FACTS) await writeFacts(disk, `${folder}/cluster.json`, facts, log.durable)
  }

  /** What this node knew to be committed is shown before anybody is asked. */
  async #showKnown(): Promise<void> {
    const { log } = this.#options
    const { known } = await this.#facts()
    await log.show(Math.min(known, log.durable))
  }

  /** @returns why it has ended; undefined when the signal fired, or this node was removed */
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
    await awaitState(
      { register, nodes: this.#directory.nodes, first, clock, random, log: logger },
      signal,
    )
    await this.#admission.wait(() => this.#refused(), signal)
    if (signal.aborted) return undefined
    const life = new Life({
      ...this.#options,
      self,
      facts: await this.#facts(),
      register,
      lease: () => this.#lease.id,
      directory: this.#directory,
      dial: (url, until) => dialPeer(url, this.linkOptions, until),
      membership: this.etcd.membership,
    })
    this.#life = life
    const removed = new AbortController()
    const unfollow = life.driver.stepped.follow(() => this.#noteLeading(life.driver))
    const unwatch = this.#admission.watch(life.driver, () => removed.abort())
    this.#driver.set(life.driver)
    this.#trouble.set(undefined)
    try {
      return await life.run(AbortSignal.any([signal, removed.signal]))
    } finally {
      unwatch()
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

  /** It takes no part until it is added. */
  async #refused(): Promise<void> {
    this.#fail(notAMember(this.name, (await this.#facts()).cluster !== undefined))
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
    const promised = await this.#promised()
    if (promised === undefined) return false
    const record: NodeRecord = {
      store: self.store,
      incarnation: self.incarnation,
      version,
      peerUrl: settings.peerUrl.origin,
      end: log.end,
      promised,
      isObserver: settings.isObserver,
    }
    const isTold = await this.register.announce(settings.name, record, lease)
    return isTold && (driver === undefined || (await this.#life?.showLife(lease)) !== false)
  }

  /** Undefined while the disk does not say. */
  async #promised(): Promise<number | undefined> {
    try {
      return (await this.#facts()).promised
    } catch (thrown) {
      if (isWriteFailure(thrown)) return undefined
      throw thrown
    }
  }

  // ---- links

  #accept(link: PeerLink): void {
    const driver = this.#driver.value
    if (driver === undefined || driver.isOver) return link.close('this node does not take part yet')
    driver.accepted(link)
  }

  /**
   * Asks the node that leads, which must be another one.
   * @throws OperationalError E_NOT_LEADER when none does, E_PEER_*, and what it answers
   */
  async askLeader(method: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const { leader } = this
    assert(leader !== this.name, 'this node is not asked by itself')
    if (leader !== undefined) return await this.#directory.call(leader, method, body, timeoutMs)
    throw new OperationalError('E_NOT_LEADER', 'no node leads at the moment')
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
      alarms: [...log.alarms.list],
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
