import { assert } from '../../../lib/index.ts'
import type { Decision } from '../decisions.ts'
import type { Input, WriteOutcome } from '../inputs.ts'
import type { DurableFacts } from '../log/durable-facts.ts'
import {
  type ClusterState,
  isOlder,
  isSameLeader,
  type LeaderName,
  type StateVersion,
} from './cluster-state.ts'

/** What a read or an answer says about the writes under way. */
export type Settlement =
  /** the key holds this value of ours; every older write is dead */
  | { readonly kind: 'won'; readonly state: ClusterState; readonly revision: number }
  /** somebody else's value; every write of ours is dead */
  | { readonly kind: 'lost' }
  /** a write may yet be applied */
  | { readonly kind: 'open' }
  | { readonly kind: 'nothing' }

/** Writes that compare with the same revision: at most one of them is ever applied. */
interface Attempt {
  readonly epoch: number
  readonly compare: number
  /** by the id of the write; as many as were sent without an answer, so few */
  readonly states: Map<number, ClusterState>
}

interface Reading {
  readonly id: number
  /** what was known when the read was asked for: its answer may not be older (rule 11) */
  readonly seen: StateVersion
  ticks: number
}

/** The bookkeeping of one key in etcd: writes under way, and what settles them. */
export class Register {
  /** the newest state that was seen in any way, with its revision */
  state: ClusterState | undefined
  revision = 0
  #attempt: Attempt | undefined
  #reading: Reading | undefined
  #lastId = 0
  readonly #self: LeaderName
  readonly #decide: (decision: Decision) => void

  constructor(self: LeaderName, decide: (decision: Decision) => void) {
    this.#self = self
    this.#decide = decide
  }

  get isWriting(): boolean {
    return this.#attempt !== undefined
  }

  /** Sends a compare-and-swap; a further one while the first is open compares with the same revision. */
  write(state: ClusterState, compare: number): void {
    const attempt = this.#attempt ?? { epoch: state.epoch, compare, states: new Map() }
    assert(attempt.compare === compare, `two writes compare with ${attempt.compare} and ${compare}`)
    assert(attempt.epoch === state.epoch, `a write of epoch ${state.epoch} beside ${attempt.epoch}`)
    this.#attempt = attempt
    this.#lastId += 1
    attempt.states.set(this.#lastId, state)
    this.#decide({ kind: 'write-state', id: this.#lastId, compare, state })
  }

  /** Forgets the writes under way: whatever becomes of them, nothing is done by it. */
  abandon(): void {
    this.#attempt = undefined
  }

  written(id: number, outcome: WriteOutcome, facts: DurableFacts): Settlement {
    const state = this.#attempt?.states.get(id)
    if (state === undefined) return { kind: 'nothing' }
    if (outcome.kind === 'applied') {
      this.#attempt = undefined
      this.#learn(outcome.revision, state)
      return { kind: 'won', state, revision: outcome.revision }
    }
    // Also a write that was refused: an older one of ours may be what it collided with.
    this.read(facts)
    return { kind: 'nothing' }
  }

  read(facts: DurableFacts): void {
    if (this.#reading !== undefined) return
    this.#lastId += 1
    this.#reading = { id: this.#lastId, seen: facts.seen, ticks: 0 }
    this.#decide({ kind: 'read-state', id: this.#lastId })
  }

  tick(readTicks: number, facts: DurableFacts): void {
    if (this.#reading === undefined) return
    this.#reading.ticks += 1
    if (this.#reading.ticks < readTicks) return
    this.#reading = undefined
    this.read(facts)
  }

  /** Takes the answer of a linearizable read, if it is the one that is waited for. */
  takeRead(input: Input & { kind: 'state-read' }): Reading | undefined {
    const reading = this.#reading
    if (reading?.id !== input.id) return undefined
    this.#reading = undefined
    if (input.state !== undefined) this.#learn(input.revision, input.state)
    return reading
  }

  /** What a linearizable read means for the writes under way. */
  settle(revision: number, state: ClusterState): Settlement {
    const attempt = this.#attempt
    if (attempt === undefined) return { kind: 'nothing' }
    if (!this.hasMoved(revision, attempt.compare)) return { kind: 'open' }
    this.#attempt = undefined
    const isOurs = isSameLeader(state.leader, this.#self) && state.epoch === attempt.epoch
    return isOurs ? { kind: 'won', state, revision } : { kind: 'lost' }
  }

  /** While the key still has the revision that a write compares with, the write may yet be applied. */
  hasMoved(revision: number, compare: number): boolean {
    return revision > compare
  }

  /** What a watch showed: a hint that settles nothing. */
  see(revision: number, state: ClusterState): void {
    this.#learn(revision, state)
  }

  /** Rule 11. */
  contradicts({ seen }: Reading, facts: DurableFacts, state: ClusterState | undefined): boolean {
    if (state === undefined) return facts.cluster !== undefined
    const isOther = facts.cluster !== undefined && facts.cluster !== state.cluster
    return isOther || isOlder(state, seen)
  }

  #learn(revision: number, state: ClusterState): void {
    if (revision <= this.revision) return
    this.revision = revision
    this.state = state
  }
}
