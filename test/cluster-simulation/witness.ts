import {
  isMajority,
  isMember,
  keyOf,
  type RecordHeader,
  type Removal,
} from '../../src/cluster/index.ts'
import type { SimulatedNode } from './node.ts'
import { endsTransaction, type SourceChunk } from './source.ts'
import { type Checker, Violation } from './violation.ts'
import type { World } from './world.ts'

/** Knows what is true for ever, and compares every step with it. */
export class Witness {
  /** the committed records, by sequence less one, and the running digest behind each */
  readonly truth: RecordHeader[] = []
  readonly digests: string[] = []
  /** the committed file */
  content: SourceChunk[] = []
  newestEpoch = 0
  /** steps were made in which something was shown, committed, ... : the walk is not empty */
  acknowledged = 0
  readonly #leaders = new Map<number, string>()
  readonly #names = new Map<string, string>()
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  get epochs(): number {
    return this.#leaders.size
  }

  // ---- what a node says and does

  begins(node: SimulatedNode, epoch: number): void {
    const name = `${keyOf(node.member)} ${node.incarnation}`
    const known = this.#leaders.get(epoch)
    if (known !== undefined) fail('one leader per epoch', `${epoch}: ${known} and ${name}`)
    this.#leaders.set(epoch, name)
    this.newestEpoch = Math.max(this.newestEpoch, epoch)
  }

  committed(node: SimulatedNode, sequence: number): void {
    for (let next = this.truth.length + 1; next <= sequence; next += 1) this.#commit(node, next)
    if (sequence <= node.store.base.sequence) return
    if (this.digests[sequence - 1] !== node.store.digestAt(sequence)) {
      fail('what is committed is never replaced', `${node.name} commits others up to ${sequence}`)
    }
  }

  #commit({ name, store }: SimulatedNode, sequence: number): void {
    const header = store.header(sequence)
    if (header === undefined) {
      return fail('what is committed is never replaced', `${name} commits ${sequence} without it`)
    }
    this.truth.push(header)
    this.digests.push(store.digestAt(sequence))
    if (header.kind === 'cut') this.content.length = header.end
    if (header.kind !== 'bytes') return
    for (const chunk of store.bytesOf(sequence)) this.#commitChunk(chunk)
    if (this.content.length !== header.end) {
      fail('the transactions come once, in order, whole', `${sequence} ends at ${header.end}`)
    }
  }

  #commitChunk(chunk: SourceChunk | undefined): void {
    const before = this.content.at(-1)
    const checker = 'the transactions come once, in order, whole'
    if (chunk === undefined) return fail(checker, 'bytes that nobody has are committed')
    const { transaction, index } = chunk
    const goesOn =
      index === 0
        ? (before?.transaction ?? 0) === this.#world.source.previous.get(transaction) &&
          (before === undefined || endsTransaction(before))
        : before?.transaction === transaction && before.index === index - 1
    const text = `${transaction}.${index} behind ${before?.transaction}.${before?.index}`
    if (!goesOn) fail(checker, text)
    this.content.push(chunk)
  }

  reported(node: SimulatedNode, end: number): void {
    if (end <= node.store.durable) return
    fail('a report speaks of what is durable', `${node.name}: ${end} of ${node.store.durable}`)
  }

  shown(node: SimulatedNode, sequence: number): void {
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
    this.#showsFile(node, this.#world.boundaryAt(store, sequence))
    store.shown = Math.max(store.shown, sequence)
  }

  #showsFile({ name, store }: SimulatedNode, position: number): void {
    const last = this.content[position - 1]
    if (position > 0 && (last === undefined || !endsTransaction(last))) {
      fail('what is shown is whole', `${name} shows up to ${position}, inside a transaction`)
    }
    for (let at = Math.max(store.contentFrom, position - 20); at < position; at += 1) {
      if (store.content[at] === this.content[at]) continue
      fail('what is shown is committed', `${name} shows other bytes at ${at}`)
    }
  }

  acknowledges({ name }: SimulatedNode, position: number): void {
    const { source } = this.#world
    const chunk = this.content[position - 1]
    const isCommitted = position <= this.content.length && chunk === source.chunks[position - 1]
    const isEnd = position === 0 || (chunk !== undefined && endsTransaction(chunk))
    if (isCommitted && isEnd) {
      this.acknowledged = Math.max(this.acknowledged, position)
      return
    }
    const text = `${name} acknowledges ${position}, committed is ${this.content.length}`
    fail('an acknowledgement is for what is committed', text)
  }

  /** A dump request acknowledges what lies before its place. */
  connects(node: SimulatedNode, position: number): void {
    this.acknowledges(node, position)
    const epoch = node.core?.leader?.epoch ?? 0
    if (node.newestAtBreak <= epoch) return
    const text = `${node.name} of epoch ${epoch} connects, ${node.newestAtBreak} had begun before`
    fail('the source is asked by the newest leader', text)
  }

  removes({ name }: SimulatedNode, { sequence, kind }: Removal): void {
    if (sequence <= this.truth.length) return
    fail('bytes go by what is committed', `${name} carries out ${kind} ${sequence}`)
  }

  /**
   * A record is cut away because the leader's log does not share it. (That of an old leader may lack what the newest
   * has committed; but not what this node has been told.)
   */
  cuts({ name, store, core }: SimulatedNode, sequence: number): void {
    if (sequence > (core?.context.facts.now.known ?? 0)) return
    if (store.digestAt(sequence) !== this.digests[sequence - 1]) return
    fail('what is committed is never replaced', `${name} cuts ${sequence} away`)
  }

  stops(node: SimulatedNode, alarm: string): void {
    if (alarm === 'disk-failed' || node.mayStop) return
    fail('no promise of the code breaks', `${node.name} stops for no reason: ${alarm}`)
  }

  // ---- what must hold after every step

  look(node: SimulatedNode): void {
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

function fail(checker: Checker, message: string): void {
  throw new Violation(checker, message)
}
