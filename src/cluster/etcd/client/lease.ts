import { type Logger, messageOf } from '../../../lib/index.ts'
import type { EtcdClient, RepeatableTimes } from './etcd-client.ts'
import { METHODS } from './methods.ts'

/** Renewals within one time to live; so one that fails leaves time for another. */
const RENEWALS = 3
const RETRY_PAUSE_MS = 20

/**
 * A lease in etcd, renewed until it is revoked or lost. `isHeld` errs on one side only: it is false
 * from the moment at which etcd may have let the lease run out, counted from when the last renewal
 * that was answered was sent. A lease that was lost stays lost.
 */
export class Lease {
  readonly id: string
  readonly ttlMs: number
  /** Resolves with the reason when the lease is lost or revoked. */
  readonly lost: Promise<string>
  readonly #client: EtcdClient
  readonly #log: Logger
  readonly #over = new AbortController()
  #heldUntilMs: number
  #stopExpiry: () => void = () => {}
  #tellLost: (reason: string) => void = () => {}

  /** Asks etcd for a lease. etcd raises a time that is too short for its elections. */
  static async grant(client: EtcdClient, ttlSeconds: number, log: Logger): Promise<Lease> {
    const sentMs = client.clock.monotonicMs()
    // An answer that is lost leaves a lease behind that nobody uses and that runs out.
    const { ID, TTL } = await client.repeatable(METHODS.leaseGrant, { TTL: ttlSeconds })
    return new Lease(client, { id: ID, ttlMs: Number(TTL) * 1000, sentMs }, log)
  }

  private constructor(
    client: EtcdClient,
    { id, ttlMs, sentMs }: { id: string; ttlMs: number; sentMs: number },
    log: Logger,
  ) {
    this.id = id
    this.ttlMs = ttlMs
    this.#client = client
    this.#log = log
    this.#heldUntilMs = sentMs + ttlMs
    this.lost = new Promise((resolve) => {
      this.#tellLost = resolve
    })
    this.#watchExpiry()
    void this.#renewAgainAndAgain()
  }

  /** Looks at the clock itself, so it is true also before timers run after a stall of this process. */
  get isHeld(): boolean {
    return !this.#over.signal.aborted && this.#client.clock.monotonicMs() < this.#heldUntilMs
  }

  /** Gives the lease back: its keys go away at once, or when it runs out where etcd is not reached. */
  async revoke(): Promise<void> {
    this.#end('it was revoked')
    try {
      await this.#client.repeatable(
        METHODS.leaseRevoke,
        { ID: this.id },
        {
          attemptMs: this.ttlMs / 2,
          repeatableMs: this.ttlMs,
        },
      )
    } catch (thrown) {
      // A lease that is not there any more is as good as one that is revoked now.
      this.#log.debug({ reason: messageOf(thrown) }, 'a lease was left to run out')
    }
  }

  async #renewAgainAndAgain(): Promise<void> {
    const { clock } = this.#client
    const { signal } = this.#over
    const pauseMs = this.ttlMs / RENEWALS
    let isRenewed = true
    while (!signal.aborted) {
      await clock.sleep(isRenewed ? pauseMs : RETRY_PAUSE_MS, signal)
      if (signal.aborted) return
      if (!this.isHeld) return this.#end('it was not renewed in time')
      isRenewed = await this.#renew({ attemptMs: pauseMs / 2, repeatableMs: pauseMs })
    }
  }

  /** Whether etcd answered; an attempt has so little time that another endpoint has its turn too. */
  async #renew(times: RepeatableTimes): Promise<boolean> {
    const sentMs = this.#client.clock.monotonicMs()
    try {
      const request = { ID: this.id }
      const { TTL } = await this.#client.repeatableExchange(METHODS.leaseKeepAlive, request, times)
      // etcd answers for a lease that it does not have (any more) with a time of 0.
      if (TTL === '0') this.#end('etcd let it run out')
      else if (!this.isHeld) this.#end('it was not renewed in time')
      else this.#heldUntilMs = sentMs + Number(TTL) * 1000
      this.#watchExpiry()
      return true
    } catch (thrown) {
      this.#log.debug({ reason: messageOf(thrown) }, 'a lease could not be renewed this time')
      return false
    }
  }

  #watchExpiry(): void {
    this.#stopExpiry()
    if (this.#over.signal.aborted) return
    const { clock } = this.#client
    const leftMs = Math.max(0, this.#heldUntilMs - clock.monotonicMs())
    this.#stopExpiry = clock.after(leftMs, () => this.#end('it was not renewed in time'))
  }

  #end(reason: string): void {
    if (this.#over.signal.aborted) return
    this.#over.abort()
    this.#stopExpiry()
    this.#tellLost(reason)
  }
}
