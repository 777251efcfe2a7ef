import { assert } from '../../../lib/index.ts'
import type { Decision } from '../decisions.ts'
import { isOlder, type StateVersion } from '../state/cluster-state.ts'
import type { DurableFacts } from './durable-facts.ts'

/** The facts as they are, and as they are on the disk. */
export class Facts {
  /** Invariant: each of its numbers is at least that of `durable`. */
  now: DurableFacts
  durable: DurableFacts
  #asked: DurableFacts
  readonly #decide: (decision: Decision) => void

  constructor(durable: DurableFacts, decide: (decision: Decision) => void) {
    this.now = durable
    this.durable = durable
    this.#asked = durable
    this.#decide = decide
  }

  /** Rule 4. The epoch is accepted when `durable.promised` says so, not before. */
  promise(epoch: number): void {
    assert(epoch >= this.now.promised, `promise ${epoch} goes back from ${this.now.promised}`)
    this.now = { ...this.now, promised: epoch }
    this.write()
  }

  /** A committed end was heard; it is written with what comes next, or at the next tick. */
  hear(known: number): void {
    if (known > this.now.known) this.now = { ...this.now, known }
  }

  belongTo(cluster: string): void {
    if (this.now.cluster === undefined) this.now = { ...this.now, cluster }
  }

  see({ epoch, version }: StateVersion): void {
    assert(this.now.cluster !== undefined, 'remembers a version without its cluster')
    if (isOlder(this.now.seen, { epoch, version })) {
      this.now = { ...this.now, seen: { epoch, version } }
    }
  }

  write(): void {
    if (this.now === this.#asked) return
    this.#asked = this.now
    this.#decide({ kind: 'remember', facts: this.now })
  }

  remembered(facts: DurableFacts): void {
    this.durable = facts
  }
}
