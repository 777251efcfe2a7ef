import { Backoff, type Logger, messageOf } from '../../../lib/index.ts'
import type { Random } from '../../../platform/index.ts'
import { type EtcdClient, isPassing, Lease } from '../../etcd/index.ts'

export interface SessionLeaseOptions {
  readonly client: EtcdClient
  readonly ttlSeconds: number
  readonly random: Random
  readonly log: Logger
  /** What is to be bound to each new lease; called again when it returned false or etcd was away. */
  readonly bind: (lease: string) => Promise<boolean>
}

const RETRY = { firstMs: 100, mostMs: 2000 }

/** The lease by which others see in etcd that this node lives: when one is lost, another is taken. */
export class SessionLease {
  readonly #options: SessionLeaseOptions
  #lease: Lease | undefined
  #rebind = new AbortController()

  constructor(options: SessionLeaseOptions) {
    this.#options = options
  }

  /** undefined while none is held */
  get id(): string | undefined {
    return this.#lease?.isHeld === true ? this.#lease.id : undefined
  }

  /** What is bound has changed. */
  rebind(): void {
    this.#rebind.abort()
  }

  /** Until the signal fires; then what is bound is gone. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, ttlSeconds, random, log } = this.#options
    const backoff = new Backoff(RETRY, () => random.fraction())
    while (!signal.aborted) {
      try {
        this.#lease ??= await Lease.grant(client, ttlSeconds, log)
        if (!this.#lease.isHeld) this.#lease = undefined
        else if (await this.#bind(this.#lease, signal)) backoff.reset()
        else await client.clock.sleep(backoff.nextMs(), signal)
      } catch (thrown) {
        if (!isPassing(thrown)) throw thrown
        log.debug({ reason: messageOf(thrown) }, 'etcd cannot be told that this node lives')
        await client.clock.sleep(backoff.nextMs(), signal)
      }
    }
    await this.#lease?.revoke()
  }

  /** Binds, and waits until that has to be done again. */
  async #bind(lease: Lease, signal: AbortSignal): Promise<boolean> {
    this.#rebind = new AbortController()
    if (!(await this.#options.bind(lease.id))) return false
    const again = AbortSignal.any([signal, this.#rebind.signal])
    await Promise.race([lease.lost, aborted(again)])
    return true
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
