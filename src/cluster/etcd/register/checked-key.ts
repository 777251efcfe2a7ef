import { Backoff, type Logger, OperationalError } from '../../../lib/index.ts'
import type { Random } from '../../../platform/index.ts'
import type { Entry } from '../client/entry.ts'
import type { EtcdClient } from '../client/etcd-client.ts'
import type { Compare, Operation } from '../client/transaction.ts'
import { watch } from '../client/watch.ts'
import { DamagedValueError, decodeChecked, encodeChecked } from './checked-value.ts'

/** A value as it stood at a revision: what a later write compares with. */
export interface Seen<T> {
  readonly content: T
  readonly modRevision: bigint
  readonly bytes: Buffer
}

export interface SwapOptions {
  /** the value goes away with it */
  readonly lease?: string
  /** what must hold besides */
  readonly compare?: readonly Compare[]
  /** what is written besides */
  readonly more?: readonly Operation[]
}

/** How a compare-and-swap ended. */
export type SwapOutcome<T> =
  | { readonly kind: 'applied'; readonly seen: Seen<T> }
  /** something else was there, here or in what was compared besides; this is here, or nothing */
  | { readonly kind: 'refused'; readonly current: Seen<T> | undefined }
  /** may have been applied, or be applied later: `settle` tells */
  | { readonly kind: 'unknown'; readonly why: string }

export type Settled<T> =
  /** the key has moved on: this is the truth, and every write that compared with less is dead */
  | { readonly kind: 'moved'; readonly current: Seen<T> | undefined }
  /** the key is as it was compared: the write may yet be applied */
  | { readonly kind: 'open' }

export interface CheckedKeyOptions<T> {
  readonly client: EtcdClient
  readonly key: string
  readonly parse: (content: unknown) => T
  readonly random: Random
  readonly log: Logger
}

const PAUSE = { firstMs: 50, mostMs: 2000 }

/** One key whose values carry a checksum, changed by compare-and-swap only. */
export class CheckedKey<T> {
  readonly key: string
  readonly #options: CheckedKeyOptions<T>

  constructor(options: CheckedKeyOptions<T>) {
    this.#options = options
    this.key = options.key
  }

  /** A linearizable read. */
  async read(): Promise<Seen<T> | undefined> {
    return (await this.#readAt()).seen
  }

  /** What a write compares that builds on what was seen: the revision and the value. */
  compare(expected: Seen<T> | undefined): readonly Compare[] {
    const { key } = this
    if (expected === undefined) return [{ key, modRevision: 0n }]
    return [
      { key, modRevision: expected.modRevision },
      { key, value: expected.bytes },
    ]
  }

  /**
   * Writes `content` if the key still is as it was seen (`undefined`: absent), together with what else
   * is given, or nothing of it.
   */
  async swap(
    expected: Seen<T> | undefined,
    content: T,
    { lease, compare = [], more = [] }: SwapOptions = {},
  ): Promise<SwapOutcome<T>> {
    const { key } = this
    const bytes = encodeChecked(content)
    const put = { put: key, value: bytes, ...(lease === undefined ? {} : { lease }) }
    const written = await this.#options.client.transact({
      compare: [...this.compare(expected), ...compare],
      success: [put, ...more],
      failure: [{ get: key }],
    })
    if (written.kind === 'unknown') return written
    const { succeeded, revision, found } = written.answer
    if (succeeded) return { kind: 'applied', seen: { content, modRevision: revision, bytes } }
    return { kind: 'refused', current: await this.#checked(found[0]) }
  }

  /** What became of a write that was compared with `expected` and whose outcome is unknown. */
  async settle(expected: Seen<T> | undefined): Promise<Settled<T>> {
    const current = await this.read()
    if (current?.modRevision === expected?.modRevision) return { kind: 'open' }
    return { kind: 'moved', current }
  }

  /**
   * What the key holds now, and then every value that it takes, until the signal fires. Values that
   * history no longer has (after a long break) are passed over, the newest never.
   */
  async *follow(signal: AbortSignal): AsyncGenerator<Seen<T> | undefined> {
    const { client, random, log } = this.#options
    const backoff = new Backoff(PAUSE, () => random.fraction())
    while (!signal.aborted) {
      try {
        const { seen, revision } = await this.#readAt()
        backoff.reset()
        yield seen
        const options = { range: { key: this.key }, from: revision + 1n, random, log }
        for await (const message of watch(client, options, signal)) {
          if (message.kind === 'compacted') break
          for (const { kind, entry } of message.events) {
            yield kind === 'put' ? await this.#checked(entry) : undefined
          }
        }
      } catch (thrown) {
        if (!isPassing(thrown)) throw thrown
        log.debug({ key: this.key, reason: thrown.message }, 'a key in etcd could not be read')
        await client.clock.sleep(backoff.nextMs(), signal)
      }
    }
  }

  async #readAt(): Promise<{ seen: Seen<T> | undefined; revision: bigint }> {
    const { entries, revision } = await this.#options.client.read({ key: this.key })
    return { seen: await this.#checked(entries[0]), revision }
  }

  /** The value if it is whole; else as another member has it, since only one disk will be damaged. */
  async #checked(entry: Entry | undefined): Promise<Seen<T> | undefined> {
    if (entry === undefined) return undefined
    try {
      return this.#decode(entry)
    } catch (thrown) {
      if (!(thrown instanceof DamagedValueError)) throw thrown
      return await this.#fromAnother(thrown.message)
    }
  }

  async #fromAnother(damage: string): Promise<Seen<T> | undefined> {
    const { client, log } = this.#options
    const findings: string[] = []
    for (const address of client.addresses) {
      try {
        const { entries } = await client.read({ key: this.key }, address)
        const [entry] = entries
        const seen = entry === undefined ? undefined : this.#decode(entry)
        log.error(
          { key: this.key, damage, whole: address, damaged: findings },
          'a member of etcd has a damaged value: replace that member',
        )
        return seen
      } catch (thrown) {
        if (!(thrown instanceof DamagedValueError) && !isPassing(thrown)) throw thrown
        findings.push(`${address}: ${thrown.message}`)
      }
    }
    const message = `the value of ${this.key} in etcd is damaged (${damage}) wherever it was read`
    throw new OperationalError('E_ETCD_DAMAGED', `${message}: ${findings.join('; ')}`, {
      key: this.key,
    })
  }

  #decode({ value, modRevision }: Entry): Seen<T> {
    return { content: decodeChecked(value, this.#options.parse), modRevision, bytes: value }
  }
}

/** Whether etcd only did not answer, so that it is worth to ask again. */
export function isPassing(thrown: unknown): thrown is OperationalError {
  return thrown instanceof OperationalError && thrown.code === 'E_ETCD_UNAVAILABLE'
}
