import { Backoff, type Logger, OperationalError } from '../../lib/index.ts'
import type { Clock, Random } from '../../platform/index.ts'
import type { PeerLink } from '../link/index.ts'
import { isSameLeader, type LeaderName } from '../protocol/state/cluster-state.ts'
import type { Driver } from './driver.ts'

const RETRY = { firstMs: 20, mostMs: 1000 }
/** A link that ends sooner is no reason to dial again at once. */
const STEADY_MS = 1000

export interface DialerOptions {
  readonly driver: Driver
  /** undefined while nobody knows where that node is */
  readonly urlOf: (node: string) => URL | undefined
  readonly dial: (url: URL, signal: AbortSignal) => Promise<PeerLink>
  /** the leader cannot be reached; at once after each attempt */
  readonly unreachable: (leader: LeaderName) => void
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Keeps a link to the node that leads, as long as there is one to follow. */
export class Dialer {
  readonly #options: DialerOptions
  /** the process that could not be reached by the last attempt */
  #missed: LeaderName | undefined

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** Whether the last attempt to reach this process failed. */
  hasMissed({ node, incarnation }: Pick<LeaderName, 'node' | 'incarnation'>): boolean {
    return this.#missed?.node === node && this.#missed.incarnation === incarnation
  }

  async run(signal: AbortSignal): Promise<void> {
    const { driver, random } = this.#options
    const backoff = new Backoff(RETRY, () => random.fraction())
    let epoch: number | undefined
    while (!signal.aborted && !driver.isOver) {
      const leader = driver.node.leaderToFollow
      const url = leader && this.#options.urlOf(leader.node)
      if (leader === undefined || url === undefined) {
        await driver.stepped.changed(signal)
        continue
      }
      if (epoch !== this.#epoch) backoff.reset()
      epoch = this.#epoch
      const link = await this.#dial(url, leader, signal)
      if (link !== undefined) {
        this.#missed = undefined
        // Whether a leader that was followed is still there decides about a take-over: it is asked at once.
        if (await this.#follow(link, signal)) {
          backoff.reset()
          continue
        }
      }
      await this.#pause(epoch, backoff.nextMs(), signal)
    }
  }

  get #epoch(): number | undefined {
    return this.#options.driver.node.context.register.state?.epoch
  }

  /** A hung leader takes connections and says nothing: when another one leads, that is not waited for. */
  async #dial(url: URL, leader: LeaderName, signal: AbortSignal): Promise<PeerLink | undefined> {
    const { driver, dial } = this.#options
    const moved = new AbortController()
    const unfollow = driver.stepped.follow(() => {
      if (!isSameLeader(driver.node.leaderToFollow, leader)) moved.abort()
    })
    try {
      return await dial(url, AbortSignal.any([signal, moved.signal]))
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      if (signal.aborted || moved.signal.aborted) return undefined
      if (!this.hasMissed(leader)) {
        this.#options.logger.warn({ code: thrown.code, leader: leader.node }, thrown.message)
      }
      this.#missed = leader
      this.#options.unreachable(leader)
      return undefined
    } finally {
      unfollow()
    }
  }

  /** @returns whether the other node led and was followed for a while, when the link has ended */
  async #follow(link: PeerLink, signal: AbortSignal): Promise<boolean> {
    const { driver, logger, clock } = this.#options
    if (driver.isOver || signal.aborted) {
      link.close('this node ends')
      return false
    }
    let hasFollowed = false
    const unfollow = driver.stepped.follow(() => {
      hasFollowed ||= driver.node.follower.stage === 'following'
    })
    logger.debug({ leader: link.peer, version: link.version }, 'linked to the leader')
    const beganMs = clock.monotonicMs()
    driver.opened(link)
    const end = (): void => link.close('this node ends')
    signal.addEventListener('abort', end, { once: true })
    const { reason } = await link.closed
    signal.removeEventListener('abort', end)
    unfollow()
    logger.info({ leader: link.peer, reason }, 'the link to the leader has ended')
    return hasFollowed && clock.monotonicMs() - beganMs >= STEADY_MS
  }

  /** Not again and again at once; but who leads since then is not made to wait. */
  async #pause(epoch: number | undefined, ms: number, signal: AbortSignal): Promise<void> {
    const { driver, clock } = this.#options
    const over = new AbortController()
    const until = AbortSignal.any([signal, over.signal])
    const cancel = clock.after(ms, () => over.abort())
    while (!until.aborted && this.#epoch === epoch) await driver.stepped.changed(until)
    cancel()
  }
}
