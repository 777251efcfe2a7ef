import { Backoff, type Logger, OperationalError } from '../../lib/index.ts'
import type { Clock, Random } from '../../platform/index.ts'
import type { PeerLink } from '../link/index.ts'
import { isSameLeader, type LeaderName } from '../protocol/state/cluster-state.ts'
import type { Driver } from './driver.ts'

const RETRY = { firstMs: 50, mostMs: 1000 }
/** A link that stood for so long is worth another at once. */
const STEADY_MS = 5000

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
    const { driver, clock, random } = this.#options
    const backoff = new Backoff(RETRY, () => random.fraction())
    while (!signal.aborted && !driver.isOver) {
      const leader = driver.node.leaderToFollow
      const url = leader && this.#options.urlOf(leader.node)
      if (leader === undefined || url === undefined) {
        await driver.stepped.changed(signal)
        continue
      }
      const link = await this.#dial(url, leader, signal)
      if (link === undefined) {
        await clock.sleep(backoff.nextMs(), signal)
        continue
      }
      this.#missed = undefined
      const beganMs = clock.monotonicMs()
      await this.#follow(link, signal)
      // One that was taken for the leader and is not, or whose disk has failed, closes at once: not again and again.
      const isStill = isSameLeader(driver.node.leaderToFollow, leader)
      if (!isStill || clock.monotonicMs() - beganMs >= STEADY_MS) backoff.reset()
      if (isStill) await clock.sleep(backoff.nextMs(), signal)
    }
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

  async #follow(link: PeerLink, signal: AbortSignal): Promise<void> {
    const { driver, logger } = this.#options
    if (driver.isOver || signal.aborted) return link.close('this node ends')
    driver.opened(link)
    const { reason } = await link.closed
    logger.info({ leader: link.peer, reason }, 'the link to the leader has ended')
  }
}
