import type { RecordHeader } from '../../src/cluster/index.ts'
import { fail, LogWitness } from './log-witness.ts'
import type { SimulatedNode } from './node.ts'
import { endsTransaction, type SourceChunk } from './source.ts'
import type { World } from './world.ts'

/** Knows the committed file, too: a row of chunks. */
export class Witness extends LogWitness<SimulatedNode> {
  content: SourceChunk[] = []
  acknowledged = 0
  readonly #world: World

  constructor(world: World) {
    super(world)
    this.#world = world
  }

  protected override commitContent({ store }: SimulatedNode, header: RecordHeader): void {
    const { sequence, kind, end } = header
    if (kind === 'cut') this.content.length = end
    if (kind !== 'bytes') return
    for (const chunk of store.bytesOf(sequence)) this.#commitChunk(chunk)
    if (this.content.length !== end) {
      fail('the transactions come once, in order, whole', `${sequence} ends at ${end}`)
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

  protected override showContent({ name, store }: SimulatedNode, sequence: number): void {
    const position = this.#world.boundaryAt(store, sequence)
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
  connectsAt(node: SimulatedNode, position: number): void {
    this.acknowledges(node, position)
    this.connects(node)
  }
}
