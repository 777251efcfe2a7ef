import { isDeepStrictEqual } from 'node:util'
import { checkDesired, type Desired, type DesiredState } from '../../desired/index.ts'
import {
  assert,
  Backoff,
  type Logger,
  OperationalError,
  Watch,
  type Watched,
} from '../../lib/index.ts'
import type { Clock, Random } from '../../platform/index.ts'
import { type CheckedKey, encodeChecked, type Register, type Seen } from '../etcd/index.ts'
import { type Kept, PARTS, type Part, type Seals } from './parts.ts'
import type { Sealer } from './sealer.ts'

export interface EtcdDesiredOptions {
  readonly register: Pick<Register, 'key'>
  readonly sealer: Sealer
  /** what this node's configuration wants: holds for a cluster that has none yet */
  readonly first: Desired
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

/** A change that others get in the way of so often is given up. */
const ATTEMPTS_MOST = 16
/** So is one of which etcd's answer was lost so often: each may take as long as a read and a write. */
const UNKNOWN_MOST = 3
const PAUSE = { firstMs: 10, mostMs: 500 }
const ETCD_PAUSE = { firstMs: 50, mostMs: 2000 }

/** A part as it was read. */
interface SeenPart {
  readonly part: KeyedPart
  readonly seen: Seen<Kept> | undefined
}

/** What the operator wants of a cluster: the same on every node, whichever node was told. */
export class EtcdDesired implements DesiredState {
  readonly #options: EtcdDesiredOptions
  readonly #parts: readonly KeyedPart[]
  readonly #value: Watch<Desired>
  readonly #isKnown = new Watch(false)

  constructor(options: EtcdDesiredOptions) {
    assert(options.first.users !== undefined, 'the users of a cluster are kept in it')
    this.#options = options
    this.#parts = PARTS.map((part) => new KeyedPart(part, options))
    this.#value = new Watch(options.first)
  }

  get value(): Watched<Desired> {
    return this.#value
  }

  /**
   * Takes up what holds now, by linearizable reads that begin after the call: a new leader does so before it
   * connects to the source. @throws OperationalError E_ETCD_UNAVAILABLE, E_ETCD_DAMAGED, E_CLUSTER_SECRET
   */
  async refresh(): Promise<void> {
    for (const { part, seen } of await this.#readAll()) this.#take(part, seen)
  }

  /**
   * @throws OperationalError E_CONFIG_INVALID, E_USERS_INVALID, E_ETCD_UNAVAILABLE, E_ETCD_REFUSED,
   * E_ETCD_DAMAGED, E_CLUSTER_SECRET: nothing was changed; E_CHANGE_UNSETTLED: nobody knows
   */
  async change(update: (now: Desired) => Desired): Promise<void> {
    const sent = new Set<string>()
    const { clock, random } = this.#options
    const backoff = new Backoff(PAUSE, () => random.fraction())
    for (let attempt = 0; attempt < ATTEMPTS_MOST; attempt += 1) {
      if (attempt > 0) await clock.sleep(backoff.nextMs())
      try {
        if (await this.#tryChange(update, sent)) return
      } catch (thrown) {
        if (sent.size === 0 || !isOfEtcd(thrown)) throw thrown
        throw unsettled(`it is not known whether the change was made: ${thrown.message}`)
      }
    }
    throw unsettled('the change was not made, since others came first all the time')
  }

  /** Whether `value` is the cluster's; before that it is what this node's configuration says. */
  get isKnown(): Watched<boolean> {
    return this.#isKnown
  }

  /** Finds out what holds, as long as that takes; then follows what others change, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#begin(signal)
    this.#isKnown.set(!signal.aborted)
    await Promise.all(this.#parts.map((part) => this.#follow(part, signal)))
  }

  /**
   * True when what `update` wants holds; else it is to be tried again.
   * @param sent the names of the writes whose outcome is unknown
   */
  async #tryChange(update: (now: Desired) => Desired, sent: Set<string>): Promise<boolean> {
    const all = await this.#readAll()
    for (const { part, seen } of all) this.#take(part, seen)
    if (all.some(({ part }) => sent.has(part.change))) return true
    if (sent.size === UNKNOWN_MOST) {
      throw unsettled('it is not known whether the change was made: the answers of etcd were lost')
    }
    const now = this.#value.value
    const next = checkDesired(update(now))
    const change = this.#options.random.uuid()
    const changed = all
      .filter(({ part }) => !isDeepStrictEqual(part.pick(next), part.pick(now)))
      .map((one) => ({ ...one, content: one.part.seal(next, change) }))
    const [leading, ...others] = changed
    if (leading === undefined) return true
    const outcome = await leading.part.key.swap(leading.seen, leading.content, {
      // What is not changed is compared too: `update` may have looked at it.
      compare: all
        .filter(({ part }) => part !== leading.part)
        .flatMap(({ part, seen }) => part.key.compare(seen)),
      more: others.map(({ part, content }) => ({
        put: part.key.key,
        value: encodeChecked(content),
      })),
    })
    if (outcome.kind === 'unknown') sent.add(change)
    if (outcome.kind !== 'applied') return false
    const { modRevision } = outcome.seen
    for (const { part, content } of changed) {
      this.#take(part, { content, modRevision, bytes: encodeChecked(content) })
    }
    return true
  }

  async #readAll(): Promise<SeenPart[]> {
    return await Promise.all(
      this.#parts.map(async (part) => ({ part, seen: await part.key.read() })),
    )
  }

  /** What is there, and for what is absent this node's configuration. */
  async #begin(signal: AbortSignal): Promise<void> {
    const { first, clock, random, log } = this.#options
    const backoff = new Backoff(ETCD_PAUSE, () => random.fraction())
    let told: string | undefined
    while (!signal.aborted) {
      try {
        const all = await this.#readAll()
        const absent = all.filter(({ seen }) => seen === undefined)
        if (absent.length === 0) {
          for (const { part, seen } of all) this.#take(part, seen)
          return
        }
        // Whoever is first: refused is as good as applied, and both are read.
        for (const { part } of absent) {
          await part.key.swap(undefined, part.seal(first, random.uuid()))
        }
      } catch (thrown) {
        if (!(thrown instanceof OperationalError)) throw thrown
        const { code, message } = thrown
        if (message !== told)
          log.error({ code }, `what the cluster does cannot be read: ${message}`)
        told = message
        await clock.sleep(backoff.nextMs(), signal)
      }
    }
  }

  async #follow(part: KeyedPart, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options
    const backoff = new Backoff(ETCD_PAUSE, () => random.fraction())
    let told: string | undefined
    while (!signal.aborted) {
      try {
        for await (const seen of part.key.follow(signal)) {
          this.#take(part, seen)
          backoff.reset()
          told = undefined
        }
      } catch (thrown) {
        // Damaged, or sealed with another secret: once is enough to tell it.
        if (!(thrown instanceof OperationalError)) throw thrown
        const { code, message } = thrown
        if (message !== told) log.error({ code }, `${message}; what held goes on to hold`)
        told = message
        await clock.sleep(backoff.nextMs(), signal)
      }
    }
  }

  #take(part: KeyedPart, seen: Seen<Kept> | undefined): void {
    if (seen === undefined) {
      const { key } = part.key
      this.#options.log.warn({ key }, 'a key in etcd was removed; what held goes on to hold')
      return
    }
    // A change of our own is known before the watch tells of those before it.
    if (seen.modRevision <= part.revision) return
    const next = { ...this.#value.value, ...part.open(seen) }
    part.taken(seen)
    if (!isDeepStrictEqual(next, this.#value.value)) this.#value.set(next)
  }
}

/** A part with its key in etcd. */
class KeyedPart {
  readonly key: CheckedKey<Kept>
  #revision = -1n
  #change = ''
  readonly #part: Part
  readonly #seals: Seals

  constructor(part: Part, { register, sealer }: EtcdDesiredOptions) {
    const key = register.key(part.name, part.parse)
    this.key = key
    this.#part = part
    this.#seals = {
      seal: (text) => sealer.seal(text, key.key),
      open: (sealed) => sealer.open(sealed, key.key),
    }
  }

  /** of what was taken up last */
  get revision(): bigint {
    return this.#revision
  }

  /** the name of the write that wrote what was taken up last */
  get change(): string {
    return this.#change
  }

  taken({ modRevision, content }: Seen<Kept>): void {
    this.#revision = modRevision
    this.#change = content.change
  }

  pick(desired: Desired): Partial<Desired> {
    return this.#part.pick(desired)
  }

  seal(desired: Desired, change: string): Kept {
    return { ...this.#part.toKept(desired, this.#seals), change }
  }

  open({ content }: Seen<Kept>): Partial<Desired> {
    return this.#part.fromKept(content, this.#seals)
  }
}

function isOfEtcd(thrown: unknown): thrown is OperationalError {
  return thrown instanceof OperationalError && thrown.code.startsWith('E_ETCD_')
}

function unsettled(message: string): OperationalError {
  return new OperationalError(
    'E_CHANGE_UNSETTLED',
    `${message}; look what holds now, and repeat it`,
  )
}
