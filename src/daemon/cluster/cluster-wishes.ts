import { type ClusterNode, EtcdDesired } from '../../cluster/index.ts'
import type { Desired } from '../../desired/index.ts'
import { type Logger, OperationalError, Watch, type Watched, waitUntil } from '../../lib/index.ts'
import type { Clock, Random } from '../../platform/index.ts'

const RETRY_MS = 200

export interface ClusterWishesOptions {
  readonly node: ClusterNode
  /** what this node's configuration wants: holds for a cluster that has none yet */
  readonly first: Desired
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** What the operator wants of the cluster, and whether it is this node that is to do it. */
export class ClusterWishes {
  readonly desired: EtcdDesired
  readonly #options: ClusterWishesOptions
  readonly #leads = new Watch(false)

  constructor(options: ClusterWishesOptions) {
    this.#options = options
    const { node, first, clock, random, logger } = options
    const { register, sealer } = node
    this.desired = new EtcdDesired({ register, sealer, first, clock, random, log: logger })
    node.leads.follow((leads) => {
      if (!leads) this.#set(false)
    })
  }

  /** This node leads and knows what is wanted: as it is now, not as it was when another led. */
  get leads(): Watched<boolean> {
    return this.#leads
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.desired.run(signal), this.#lead(signal)])
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { node, clock } = this.#options
    await waitUntil(this.desired.isKnown, (isKnown) => isKnown, signal)
    while (!signal.aborted) {
      await waitUntil(node.leads, (leads) => leads, signal)
      if (signal.aborted) return
      if (await this.#refresh()) {
        this.#set(node.leads.value)
        await waitUntil(node.leads, (leads) => !leads, signal)
      } else {
        await clock.sleep(RETRY_MS, signal)
      }
    }
  }

  async #refresh(): Promise<boolean> {
    try {
      await this.desired.refresh()
      return true
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      const { code, message } = thrown
      this.#options.logger.warn({ code }, `the source waits for what is wanted: ${message}`)
      return false
    }
  }

  #set(leads: boolean): void {
    if (leads !== this.#leads.value) this.#leads.set(leads)
  }
}
