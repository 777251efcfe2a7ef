import {
  type Logger,
  messageOf,
  OperationalError,
  present,
  toSafeNumber,
} from '../../../lib/index.ts'
import { isPassing, type Register, type Seen } from '../../etcd/index.ts'
import type { Input, WriteOutcome } from '../../protocol/inputs.ts'
import type { ClusterState } from '../../protocol/state/cluster-state.ts'

/** Values whose revision a write may still compare with. */
const SEEN_MOST = 32

export interface RegisterWorkOptions {
  readonly register: Register
  /** what ends with this node's life, for the sign of life of a leader */
  readonly lease: () => string | undefined
  readonly answer: (input: Input) => void
  readonly log: Logger
  /** etcd's data are damaged, or are not ours */
  readonly failed: (error: unknown) => void
}

/** Carries out what the protocol asks of the register in etcd, and tells it what the register shows. */
export class RegisterWork {
  readonly #options: RegisterWorkOptions
  /** by revision; a compare-and-swap compares the value too */
  readonly #seen = new Map<number, Seen<ClusterState>>()
  #isOver = false

  constructor(options: RegisterWorkOptions) {
    this.#options = options
  }

  /** Tells every state that the register takes until the signal fires; then nothing is told any more. */
  async watch(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => void (this.#isOver = true), { once: true })
    for await (const seen of this.#options.register.state.follow(signal)) {
      if (seen === undefined) continue
      this.#answer({ kind: 'state-seen', revision: this.#keep(seen), state: seen.content })
    }
  }

  /** A read without an answer is asked again by the protocol. */
  read(id: number): void {
    this.#do(async () => {
      const seen = await this.#options.register.state.read()
      const revision = seen === undefined ? 0 : this.#keep(seen)
      this.#answer({ kind: 'state-read', id, revision, state: seen?.content })
    })
  }

  write(id: number, compare: number, state: ClusterState): void {
    this.#do(async () => {
      const outcome = await this.#write(compare, state)
      this.#answer({ kind: 'state-written', id, outcome })
    })
  }

  // ---- inside

  async #write(compare: number, state: ClusterState): Promise<WriteOutcome> {
    const { register, log } = this.#options
    const expected = present(this.#seen.get(compare), 'the state that a write compares with')
    const isTakeOver = state.epoch > expected.content.epoch
    try {
      const lease = this.#options.lease()
      // Who has no lease could not show that it lives, and would be taken for gone at once.
      if (isTakeOver && lease === undefined) return { kind: 'refused' }
      const outcome =
        isTakeOver && lease !== undefined
          ? await register.takeOver(expected, state, lease)
          : await register.change(expected, state)
      if (outcome.kind === 'unknown') {
        log.warn({ reason: outcome.why }, 'etcd did not say whether it has written the state')
        return { kind: 'unknown' }
      }
      if (outcome.kind === 'applied') {
        return { kind: 'applied', revision: this.#keep(outcome.seen) }
      }
      if (outcome.current !== undefined) this.#keep(outcome.current)
      return { kind: 'refused' }
    } catch (thrown) {
      if (!isPassing(thrown) && !isRefused(thrown)) throw thrown
      log.debug({ reason: messageOf(thrown) }, 'the state was not written')
      return { kind: 'refused' }
    }
  }

  #keep(seen: Seen<ClusterState>): number {
    const revision = toSafeNumber(seen.modRevision, 'a revision of etcd')
    this.#seen.set(revision, seen)
    if (this.#seen.size > SEEN_MOST) this.#seen.delete(Math.min(...this.#seen.keys()))
    return revision
  }

  #do(work: () => Promise<void>): void {
    void work().catch((thrown: unknown) => {
      if (this.#isOver) return
      if (isPassing(thrown)) this.#options.log.debug({ reason: thrown.message }, 'etcd is away')
      else this.#options.failed(thrown)
    })
  }

  #answer(input: Input): void {
    if (!this.#isOver) this.#options.answer(input)
  }
}

function isRefused(thrown: unknown): boolean {
  return thrown instanceof OperationalError && thrown.code === 'E_ETCD_REFUSED'
}
