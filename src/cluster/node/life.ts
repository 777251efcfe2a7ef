import { OperationalError, type Watched } from '../../lib/index.ts'
import type { AliveLeader, MemberRecord, Membership, Register } from '../etcd/index.ts'
import type { PeerLink } from '../link/index.ts'
import { writeFacts } from '../log/facts-file.ts'
import type { Limits } from '../protocol/context.ts'
import type { Alarm } from '../protocol/decisions.ts'
import type { DurableFacts } from '../protocol/log/durable-facts.ts'
import type { LeaderName } from '../protocol/state/cluster-state.ts'
import { Dialer } from './dialer.ts'
import { Driver } from './driver.ts'
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
  readonly alive: () => AliveLeader | undefined
  readonly urlOf: (node: string) => URL | undefined
  readonly dial: (url: URL, signal: AbortSignal) => Promise<PeerLink>
  readonly members: Watched<ReadonlyMap<string, MemberRecord> | undefined>
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

  constructor(options: LifeOptions) {
    this.#options = options
    const { register, self, facts, log, disk, folder, logger, clock, random, onBug } = options
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
      writeFacts: (next) => writeFacts(disk, `${folder}/cluster.json`, next),
      clock,
      logger,
      resign: () => void this.#resign(),
      ended: (why) => this.#end(why),
      onBug,
    })
    this.#dialer = new Dialer({
      driver: this.driver,
      urlOf: options.urlOf,
      dial: options.dial,
      unreachable: () => this.succession.consider(),
      clock,
      random,
      logger,
    })
    this.succession = new Succession({
      driver: this.driver,
      alive: options.alive,
      hasMissed: (leader) => this.#dialer.hasMissed(leader),
    })
    this.#keeper = new MembershipKeeper({
      driver: this.driver,
      members: options.members,
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
    const stop = (): void => this.#over.abort()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
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

  async #resign(): Promise<void> {
    try {
      await this.#options.register.withdraw(this.#options.self)
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) this.#options.onBug(thrown)
      // Its lease runs out then.
    }
  }

  #failed(thrown: unknown): void {
    if (thrown instanceof OperationalError) this.#end(thrown)
    else this.#options.onBug(thrown)
  }

  #end(why: Alarm | OperationalError): void {
    this.#why ??= why
    this.#over.abort()
  }
}

const REMEMBER_MS = 1000

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
