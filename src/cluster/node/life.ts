import { OperationalError } from '../../lib/index.ts'
import type { Membership, Register } from '../etcd/index.ts'
import type { PeerLink } from '../link/index.ts'
import { writeFacts } from '../log/facts-file.ts'
import type { Limits } from '../protocol/context.ts'
import type { Alarm } from '../protocol/decisions.ts'
import type { DurableFacts } from '../protocol/log/durable-facts.ts'
import type { LeaderName } from '../protocol/state/cluster-state.ts'
import { Dialer } from './dialer.ts'
import { Driver } from './driver.ts'
import type { Directory } from './members/directory.ts'
import { MembershipKeeper } from './members/membership-keeper.ts'
import type { ClusterNodeOptions } from './node-options.ts'
import { RegisterWork } from './register/register-work.ts'
import { Succession } from './succession.ts'

export interface LifeOptions extends ClusterNodeOptions {
  readonly self: LeaderName
  readonly facts: DurableFacts
  readonly register: Register
  /** undefined while none is held */
  readonly lease: () => string | undefined
  readonly directory: Directory
  readonly dial: (url: URL, signal: AbortSignal) => Promise<PeerLink>
  readonly membership: Membership | undefined
}

/** One life of a node: the protocol with everything around it, from a start to a failure of the disk or the end. */
export class Life {
  readonly driver: Driver
  readonly succession: Succession
  readonly #options: LifeOptions
  readonly #register: RegisterWork
  readonly #dialer: Dialer
  readonly #keeper: MembershipKeeper
  readonly #over = new AbortController()
  #why: Alarm | OperationalError | undefined
  /** fires when the node ends, not only this life */
  #until: AbortSignal | undefined

  constructor(options: LifeOptions) {
    this.#options = options
    const { register, self, facts, log, disk, folder, logger, clock, random, onBug } = options
    const { directory } = options
    this.#register = new RegisterWork({
      register,
      lease: options.lease,
      answer: (input) => this.driver.give(input),
      log: logger,
      failed: (thrown) => this.#failed(thrown),
    })
    this.driver = new Driver({
      self,
      limits: limitsOf(options),
      facts,
      log,
      register: this.#register,
      writeFacts: (next) => writeFacts(disk, `${folder}/cluster.json`, next, log.durable),
      clock,
      resign: () => void this.#resign(),
      ended: (why) => this.#end(why),
      onBug,
    })
    this.#dialer = new Dialer({
      driver: this.driver,
      urlOf: (node) => directory.urlOf(node),
      dial: options.dial,
      unreachable: () => this.succession.consider(),
      clock,
      random,
      logger,
    })
    this.succession = new Succession({
      driver: this.driver,
      alive: () => directory.alive.value,
      hasMissed: (leader) => this.#dialer.hasMissed(leader),
    })
    this.#keeper = new MembershipKeeper({
      driver: this.driver,
      members: directory.members,
      etcd: options.membership,
      clock,
      logger,
    })
  }

  // ---- running

  /** Until the signal fires or the life is over. @returns why it is over; undefined when the signal fired */
  async run(signal: AbortSignal): Promise<Alarm | OperationalError | undefined> {
    const { driver } = this
    const { logger } = this.#options
    this.#until = signal
    const stop = (): void => this.#over.abort()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const unfollow = this.#options.directory.alive.follow(() => this.succession.consider())
    driver.leading.follow((epoch) => {
      if (epoch !== undefined) logger.info({ epoch }, 'this node leads')
      else logger.info({}, 'this node does not lead any more')
    })
    driver.start()
    const until = this.#over.signal
    try {
      await Promise.all([
        this.#register.watch(until),
        this.#dialer.run(until),
        this.#keeper.run(until),
        this.#tick(until),
      ])
    } finally {
      unfollow()
      signal.removeEventListener('abort', stop)
      this.#over.abort()
      await driver.end()
    }
    return signal.aborted ? undefined : this.#why
  }

  /**
   * Binds the sign of life of a leader to a new lease. False when the answer was lost, or nothing is known yet.
   */
  async showLife(lease: string): Promise<boolean> {
    const { leader } = this.driver.node
    if (leader === undefined) return true
    return await this.#options.register.showLife(leader.revision, this.#options.self, lease)
  }

  async #tick(until: AbortSignal): Promise<void> {
    const { clock, settings } = this.#options
    while (!until.aborted) {
      await clock.sleep(settings.heartbeatMs, until)
      if (until.aborted) return
      this.driver.give({ kind: 'tick' })
      this.succession.tick()
    }
  }

  /** The lease is the process's, which may live on: so whoever leads no more takes the sign of life away. */
  async #resign(): Promise<void> {
    const { register, self, clock, onBug } = this.#options
    for (let tries = 0; tries < RESIGN_TRIES; tries += 1) {
      if (this.driver.node.leader !== undefined || this.#until?.aborted === true) return
      try {
        if (await register.withdraw(self)) return
      } catch (thrown) {
        if (!(thrown instanceof OperationalError)) return onBug(thrown)
      }
      await clock.sleep(RESIGN_RETRY_MS, this.#until)
    }
  }

  #failed(thrown: unknown): void {
    if (thrown instanceof OperationalError) this.#end(thrown)
    else this.#options.onBug(thrown)
  }

  #end(why: Alarm | OperationalError): void {
    this.#why ??= why
    this.#over.abort()
    void this.#resign()
  }
}

const REMEMBER_MS = 1000
/** etcd may be away. What is given up then is made good by the next take-over of this node, or its end. */
const RESIGN_TRIES = 60
const RESIGN_RETRY_MS = 1000

function limitsOf({ settings: { heartbeatMs, electionMs } }: LifeOptions): Limits {
  const silentTicks = Math.max(2, Math.ceil(electionMs / heartbeatMs))
  return {
    readTicks: silentTicks,
    rememberTicks: Math.max(1, Math.ceil(REMEMBER_MS / heartbeatMs)),
    silentTicks,
    stuckTicks: 3 * silentTicks,
    standDownTicks: 3 * silentTicks,
  }
}
