import { isDeepStrictEqual } from 'node:util'
import type { Logger, Watched } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'
import type { AllNeeds, Gathered } from './all-needs.ts'
import { type KnownReplica, KnownReplicas } from './known-replicas.ts'
import { type Needs, needsOf } from './needs.ts'
import type { ReplicaMemory } from './replica-memory.ts'
import { Tries } from './tries.ts'

/** What a replica has read is written down at most so often; that one has come, left or is given up, at once. */
const WRITE_EVERY_MS = 5000
/** How long one has been away is written down at least so often. */
const AWAY_WRITE_MS = 60_000
/**
 * A look that comes after more of them should have found the process or the machine asleep: nobody could have come
 * back meanwhile.
 */
const LOOKS_MISSED_MOST = 5

export interface ReplicaKeeperOptions {
  readonly needs: AllNeeds
  readonly memory: ReplicaMemory
  /** only this node knows all replicas: the others tell it of theirs */
  readonly leads: Watched<boolean>
  /** `retention.keep-for-absent-replicas` */
  readonly keepMs: () => number
  readonly clock: Clock
  readonly logger: Logger
  /** how often it looks */
  readonly lookMs: number
}

/** Follows all replicas of all nodes, on the node that decides which files go, and keeps them for the next start. */
export class ReplicaKeeper {
  readonly #options: ReplicaKeeperOptions
  #known: KnownReplicas | undefined
  #lastTakenMs = 0
  #written: { readonly replicas: readonly KnownReplica[]; readonly atMs: number } | undefined
  #isChanged = false
  readonly #tries: Tries
  #gathered: Gathered | undefined

  constructor(options: ReplicaKeeperOptions) {
    this.#options = options
    this.#tries = new Tries((fields, message) => options.logger.error(fields, message))
    // What another leader has kept meanwhile is read anew.
    options.leads.follow((leads) => {
      if (!leads) this.#known = undefined
    })
  }

  /** undefined while another node leads, or what was kept is not read yet */
  get known(): KnownReplicas | undefined {
    return this.#options.leads.value ? this.#known : undefined
  }

  /** What is needed, as of the last look or purge; undefined as `known`, or before anybody was asked. */
  get needs(): Needs | undefined {
    const { known } = this
    return known && this.#gathered && needsOf(this.#gathered, known)
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, leads, needs, lookMs } = this.#options
    while (!signal.aborted) {
      if (leads.value && this.#known === undefined) await this.#tries.once(() => this.#read())
      if (this.known !== undefined) this.take(await needs.gather())
      await this.#tries.once(() => this.#write())
      await clock.sleep(lookMs, signal)
    }
    await this.#tries.once(() => this.#write())
  }

  /** What was gathered by anybody. */
  take(gathered: Gathered): void {
    const { clock, logger, keepMs, lookMs } = this.#options
    const { known } = this
    if (known === undefined) return
    const nowMs = clock.monotonicMs()
    known.take(gathered.answers, Math.min(LOOKS_MISSED_MOST * lookMs, nowMs - this.#lastTakenMs))
    this.#lastTakenMs = nowMs
    this.#gathered = gathered
    for (const { uuid, host, needs } of known.expire(keepMs())) {
      this.#isChanged = true
      logger.warn({ uuid, host, needs }, 'nothing is kept any more for a replica that is away')
    }
  }

  /** What was changed of `known` is written down by the next look. */
  changed(): void {
    this.#isChanged = true
  }

  async #read(): Promise<void> {
    const { memory, clock } = this.#options
    const replicas = await memory.read()
    this.#known = new KnownReplicas(
      // Until it is seen, nobody knows where it is.
      replicas.map((replica) => ({ ...replica, isConnected: false })),
    )
    this.#lastTakenMs = clock.monotonicMs()
    this.#written = { replicas, atMs: this.#lastTakenMs }
  }

  async #write(): Promise<void> {
    const { clock, memory, needs } = this.#options
    const replicas = this.known?.all()
    const gathered = this.#gathered
    if (replicas === undefined || this.#written === undefined) return
    const nowMs = clock.monotonicMs()
    const sinceMs = nowMs - this.#written.atMs
    const isOther = !isDeepStrictEqual(
      replicas.map(standingOf),
      this.#written.replicas.map(standingOf),
    )
    const isFurther = !isDeepStrictEqual(replicas.map(placeOf), this.#written.replicas.map(placeOf))
    const isDue =
      this.#isChanged ||
      isOther ||
      (isFurther && sinceMs >= WRITE_EVERY_MS) ||
      (replicas.some(({ isConnected }) => !isConnected) && sinceMs >= AWAY_WRITE_MS)
    if (isDue) {
      await memory.write(replicas)
      this.#isChanged = false
      this.#written = { replicas, atMs: nowMs }
    }
    // What is as it was written needs no other writing.
    if (gathered !== undefined && (isDue || !isFurther)) needs.collected(gathered)
  }
}

/** What is written down at once. */
function standingOf({ uuid, isConnected, isGivenUp }: KnownReplica): object {
  return { uuid, isConnected, isGivenUp }
}

/** The position within its file is for people, and may be older. */
function placeOf({ uuid, needs, file, leaving }: KnownReplica): object {
  return { uuid, needs, file, leaving }
}
