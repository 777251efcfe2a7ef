import {
  type ClusterState,
  isMajority,
  isMember,
  keyOf,
  type Member,
  type RecordHeader,
  type Removal,
} from '../../src/cluster/index.ts'
import { type Checker, Violation } from '../simulation/violation.ts'
import type { HeaderLog } from './header-log.ts'

/** A node as the witness sees it. */
export interface WitnessedNode {
  readonly name: string
  readonly member: Member
  readonly incarnation: number
  readonly store: HeaderLog
  /** of the running process */
  readonly visible: number
  readonly isUp: boolean
  /** the committed end that it was told */
  readonly known: number
  /** the epoch that it leads, or 0 */
  readonly epoch: number
  /** the newest epoch that any node had begun when this one's link broke, or its epoch began */
  readonly newestAtBreak: number
  /** etcd has really lost something, or the store is damaged */
  readonly mayStop: boolean
}

export interface WitnessedWorld {
  /** what the register holds */
  readonly etcd: { readonly state: ClusterState }
  readonly nodes: readonly WitnessedNode[]
  /** The store of a member, if it still exists. */
  storeOf(member: Member): HeaderLog | undefined
}

/**
 * Knows what is true of the records for ever, and compares every step with it. What bytes they have is for its heirs.
 */
export abstract class LogWitness<N extends WitnessedNode> {
  /** the committed records, by sequence less one, and the running digest behind each */
  readonly truth: RecordHeader[] = []
  readonly digests: string[] = []
  newestEpoch = 0
  readonly #leaders = new Map<number, string>()
  readonly #names = new Map<string, string>()
  readonly #world: WitnessedWorld

  constructor(world: WitnessedWorld) {
    this.#world = world
  }

  /** A record has become committed; the node has it. */
  protected abstract commitContent(node: N, header: RecordHeader): void
  /** The node shows what lies outside transactions up to this record. */
  protected abstract showContent(node: N, sequence: number): void

  get epochs(): number {
    return this.#leaders.size
  }

  // ---- what a node says and does

  begins(node: N, epoch: number): void {
    const name = `${keyOf(node.member)} ${node.incarnation}`
    const known = this.#leaders.get(epoch)
    if (known !== undefined) fail('one leader per epoch', `${epoch}: ${known} and ${name}`)
    this.#leaders.set(epoch, name)
    this.newestEpoch = Math.max(this.newestEpoch, epoch)
  }

  committed(node: N, sequence: number): void {
    for (let next = this.truth.length + 1; next <= sequence; next += 1) this.#commit(node, next)
    if (sequence <= node.store.base.sequence) return
    if (this.digests[sequence - 1] !== node.store.digestAt(sequence)) {
      fail('what is committed is never replaced', `${node.name} commits others up to ${sequence}`)
    }
  }

  #commit(node: N, sequence: number): void {
    const { name, store } = node
    const header = store.header(sequence)
    if (header === undefined) {
      return fail('what is committed is never replaced', `${name} commits ${sequence} without it`)
    }
    this.truth.push(header)
    this.digests.push(store.digestAt(sequence))
    this.commitContent(node, header)
  }

  reported(node: N, end: number): void {
    if (end <= node.store.durable) return
    fail('a report speaks of what is durable', `${node.name}: ${end} of ${node.store.durable}`)
  }

  shown(node: N, sequence: number): void {
    const { name, store } = node
    if (sequence > this.truth.length) {
      fail('what is shown is committed', `${name} shows ${sequence} of ${this.truth.length}`)
    }
    if (sequence > store.durable) fail('what was shown stays', `${name} shows what may be lost`)
    if (this.digests[sequence - 1] !== store.digestAt(sequence)) {
      if (sequence > store.base.sequence) {
        fail('what is shown is committed', `${name} shows other records up to ${sequence}`)
      }
    }
    this.showContent(node, sequence)
    store.shown = Math.max(store.shown, sequence)
  }

  /** A dump is asked for. */
  connects({ name, epoch, newestAtBreak }: N): void {
    if (newestAtBreak <= epoch) return
    const text = `${name} of epoch ${epoch} connects, ${newestAtBreak} had begun before`
    fail('the source is asked by the newest leader', text)
  }

  removes({ name }: N, { sequence, kind }: Removal): void {
    if (sequence <= this.truth.length) return
    fail('bytes go by what is committed', `${name} carries out ${kind} ${sequence}`)
  }

  /**
   * A record is cut away because the leader's log does not share it. (That of an old leader may lack what the newest
   * has committed; but not what this node has been told.)
   */
  cuts({ name, store, known }: N, sequence: number): void {
    if (sequence > known) return
    if (store.digestAt(sequence) !== this.digests[sequence - 1]) return
    fail('what is committed is never replaced', `${name} cuts ${sequence} away`)
  }

  stops(node: N, alarm: string): void {
    if (alarm === 'disk-failed' || node.mayStop) return
    fail('no promise of the code breaks', `${node.name} stops for no reason: ${alarm}`)
  }

  // ---- what must hold after every step

  look(node: N): void {
    const { store } = node
    const last = store.headers.at(-1)
    if (last === undefined) return
    const name = `${last.epoch}:${last.sequence}`
    const digest = store.digestAt(last.sequence)
    const known = this.#names.get(name) ?? digest
    this.#names.set(name, digest)
    if (known !== digest) {
      fail('logs with the same record are the same up to it', `${node.name} at ${name}`)
    }
  }

  check(): void {
    const { voters, inSync } = this.#world.etcd.state
    const isPart = inSync.every((member) => isMember(member, voters))
    if (!isPart || !isMajority(inSync.length, voters)) {
      fail('in-sync is a majority of the voters', `${names(inSync)} of ${names(voters)}`)
    }
    const committed = this.truth.length
    for (const member of inSync) {
      const store = this.#world.storeOf(member)
      if (store === undefined) continue
      const has = store.durable >= committed || committed === 0
      const isSame =
        committed <= store.base.sequence || store.digestAt(committed) === this.digests.at(-1)
      if (has && (isSame || committed === 0)) continue
      const text = `${keyOf(member)} ends at ${store.durable}, committed is ${committed}`
      fail('committed records are on every in-sync store', text)
    }
    for (const { name, store, visible, isUp } of this.#world.nodes) {
      if (store.durable < store.shown && store.base.sequence < store.shown) {
        fail('what was shown stays', `${name} showed ${store.shown}, ends at ${store.durable}`)
      }
      if (isUp && visible > Math.max(store.durable, store.base.sequence)) {
        fail('what was shown stays', `${name} shows ${visible}, ends at ${store.durable}`)
      }
    }
  }
}

const names = (members: readonly { node: string; store: string }[]): string =>
  `{${members.map(keyOf).join(' ')}}`

export function fail(checker: Checker, message: string): void {
  throw new Violation(checker, message)
}
