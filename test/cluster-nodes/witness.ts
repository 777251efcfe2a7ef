/*
  What the nodes say and have, compared with the committed records and with the source's history: never with what a
  node says of itself.
*/
import type { DurableFacts, RecordHeader } from '../../src/cluster/index.ts'
import { crc32 } from '../../src/lib/index.ts'
import { GtidSet } from '../../src/mysql/index.ts'
import {
  type LogRecord,
  type Position,
  RECORD_BYTES_MAX,
  type ReplicatedLog,
  type VisibleEnd,
} from '../../src/store/index.ts'
import { fail, LogWitness } from '../cluster-simulation/log-witness.ts'
import type { Expected } from '../simulation/expected.ts'
import type { SimulatedNode } from './node.ts'
import { BINLOGS } from './node-process.ts'
import { isBefore } from './source.ts'
import type { World } from './world.ts'

/** What files are read into; worlds come one after the other. */
const TARGET = Buffer.allocUnsafeSlow(RECORD_BYTES_MAX)

const textOf = ({ file, position }: Position): string => `${file}:${position}`

export class NodesWitness extends LogWitness<SimulatedNode> {
  readonly #world: World
  readonly #expected: Expected
  /** where the committed records end; undefined before the first file */
  #committed: Position | undefined
  /** which file a file-begin begins, by epoch and sequence */
  readonly #files = new Map<string, LogRecord>()
  /** the log's own digests, by epoch and sequence */
  readonly #logDigests = new Map<string, string>()
  /** what is held at a place, once it was asked for */
  readonly #held = new Map<string, GtidSet>()
  /** what follows each open log */
  readonly #following = new Map<SimulatedNode, () => void>()
  /** the source has lost what the cluster has */
  isRefused = false

  constructor(world: World, expected: Expected) {
    super(world)
    this.#world = world
    this.#expected = expected
  }

  get place(): Position | undefined {
    return this.#committed
  }

  // ---- the records and their bytes

  appended(_: SimulatedNode, record: LogRecord): void {
    if (record.kind === 'file-begin') this.#files.set(`${record.epoch}:${record.sequence}`, record)
  }

  protected override commitContent(_: SimulatedNode, header: RecordHeader): void {
    if (header.kind === 'file-begin') return this.#commitFile(header)
    if (header.kind === 'bytes') this.#commitBytes(header)
    if (this.#committed !== undefined) {
      this.#committed = { file: this.#committed.file, position: header.end }
    }
  }

  #commitFile({ epoch, sequence }: RecordHeader): void {
    const begin = this.#files.get(`${epoch}:${sequence}`)?.fileBegin?.begin
    if (begin === undefined) throw new Error(`nobody has seen file-begin ${sequence}`)
    this.#expected.learn(begin)
    const before = this.#committed
    if (before !== undefined) this.#checkWhole(before)
    const { history } = this.#expected
    const names = history.files.map(({ name }) => name)
    const goesOn =
      before === undefined || names.indexOf(begin.name) === names.indexOf(before.file) + 1
    if (!goesOn) {
      fail('the transactions come once, in order, whole', `${begin.name} follows ${before.file}`)
    }
    this.#committed = { file: begin.name, position: 4 }
  }

  /** A file that another one follows lacks at most what is no transaction and what the source lost. */
  #checkWhole({ file, position }: Position): void {
    const { events, keptEnd } = this.#expected.get(file)
    const isLacking = events.some(
      ({ end, gtid }) => end > position && end <= keptEnd && gtid !== undefined,
    )
    if (!isLacking) return
    fail('the transactions come once, in order, whole', `${file} ends at ${position}`)
  }

  #commitBytes({ sequence, end, crc }: RecordHeader): void {
    const { file, position } = this.#committed ?? { file: '', position: 0 }
    const bytes = this.#expected.get(file).view(position, end)
    if (bytes.length === end - position && crc32(bytes) === crc) return
    const what = `record ${sequence} has other bytes for ${file} from ${position} to ${end}`
    fail('the transactions come once, in order, whole', what)
  }

  protected override showContent(): void {
    // The log shows it, and is looked at then.
  }

  // ---- what is shown

  /** A process has opened its log, or opened it again. */
  opens(node: SimulatedNode, log: ReplicatedLog): void {
    this.leaves(node)
    this.#compareShown(node)
    this.#noteDigest(node, log)
    let before: VisibleEnd | undefined
    const look = (visible: VisibleEnd | undefined): void => {
      if (visible === undefined) return
      this.#world.guard(() => this.#shows(node, log, visible, before))
      before = visible
    }
    this.#following.set(node, log.visible.follow(look))
  }

  /** The process is gone. */
  leaves(node: SimulatedNode): void {
    this.#following.get(node)?.()
    this.#following.delete(node)
  }

  #shows(
    node: SimulatedNode,
    log: ReplicatedLog,
    visible: VisibleEnd,
    before: VisibleEnd | undefined,
  ): void {
    const { name } = node
    const place = textOf(visible)
    const isCommitted =
      visible.sequence <= this.truth.length &&
      this.#committed !== undefined &&
      !isBefore(this.#committed, visible)
    if (!isCommitted) {
      const committed = this.#committed && textOf(this.#committed)
      fail('what is shown is committed', `${name} shows ${place}, committed is ${committed}`)
    }
    if (before !== undefined && isBefore(visible, before)) {
      fail('what was shown stays', `${name} has shown ${textOf(before)} and shows ${place}`)
    }
    if (!this.#expected.get(visible.file).isBoundary(visible.position)) {
      fail('what is shown is whole', `${name} shows ${place}, inside a transaction`)
    }
    this.#compareMedium(node, visible, before?.file === visible.file ? before.position : 0)
    const held = this.#heldAt(visible)
    if (!log.executed().equals(held)) {
      const text = `${name} says ${log.executed().toString()} at ${place}, not ${held.toString()}`
      fail('GTIDs agree with the files', text)
    }
    if (node.shownTo === undefined || isBefore(node.shownTo, visible)) {
      node.shownTo = { file: visible.file, position: visible.position }
    }
  }

  /** The bytes are on the disk, whatever happens to the power. */
  #compareMedium({ name, disk }: SimulatedNode, { file, position }: Position, from: number): void {
    const bytes = disk.durableBytes(`${BINLOGS}/${file}`)
    const expected = this.#expected.get(file).view(from, position)
    if (bytes?.subarray(from, position).equals(expected) === true) return
    fail('what was shown stays', `${name}: ${file} from ${from} to ${position} is not on the disk`)
  }

  #compareShown(node: SimulatedNode): void {
    const { shownTo, store } = node
    // A log that began anew has other files, none of which it has shown.
    if (shownTo === undefined || store.base.sequence >= store.shown) return
    this.#compareMedium(node, shownTo, 0)
  }

  #heldAt({ file, position }: Position): GtidSet {
    const place = `${file}:${position}`
    const known = this.#held.get(place) ?? this.#expected.get(file).heldAt(position)
    this.#held.set(place, known)
    return known
  }

  // ---- what the source is told

  acknowledges({ name }: SimulatedNode, place: Position): void {
    const isCommitted = this.#committed !== undefined && !isBefore(this.#committed, place)
    if (isCommitted && this.#expected.get(place.file).isBoundary(place.position)) return
    const committed = this.#committed && textOf(this.#committed)
    const text = `${name} acknowledges ${textOf(place)}, committed is ${committed}`
    fail('an acknowledgement is for what is committed', text)
  }

  /** A node does not read from a source that lacks what it has. */
  refuses({ file, position }: Position): void {
    if (position <= (this.#expected.get(file).keptEnd ?? 0)) return
    this.isRefused = true
  }

  // ---- what a start finds

  /** @param least what of it was durable */
  recovers({ name, store }: SimulatedNode, log: ReplicatedLog, least: number): void {
    const ends = `${name} ends at ${log.end}, and ${least} of ${store.end} was durable`
    if (log.end < least) fail('a report speaks of what is durable', ends)
    if (log.end > store.end) fail('stored files are those of the source', ends)
    if (log.base.sequence !== store.base.sequence) {
      const bases = `${log.base.sequence}, not at ${store.base.sequence}`
      fail('stored files are those of the source', `${name} begins at ${bases}`)
    }
  }

  remembers(
    { name }: SimulatedNode,
    facts: DurableFacts,
    told: Pick<DurableFacts, 'promised' | 'known'>,
  ): void {
    if (facts.promised >= told.promised && facts.known >= told.known) return
    const text = `${name} knows ${facts.promised}, ${facts.known} of ${told.promised}, ${told.known}`
    fail('a promise is durable', text)
  }

  /** Logs that end with the same record have the same digest there. */
  #noteDigest(node: SimulatedNode, log: ReplicatedLog): void {
    const last = log.lineage.at(-1)
    if (last === undefined || last.sequence !== log.end) return
    const name = `${last.epoch}:${last.sequence}`
    void log.digestAt(log.end).then((digest) => {
      const known = this.#logDigests.get(name) ?? digest
      this.#logDigests.set(name, known)
      if (known === digest) return
      this.#world.guard(() =>
        fail(
          'logs with the same record are the same up to it',
          `the digest of ${node.name} at ${name}`,
        ),
      )
    })
  }

  // ---- at the end

  /** Everything that is shown, as readers are given it, is what the source wrote. */
  async readAll(node: SimulatedNode): Promise<void> {
    const { log } = node
    const visible = log?.visible.value
    if (log === undefined || visible === undefined) return
    this.#noteDigest(node, log)
    for (const { name } of log.files()) {
      const size = name === visible.file ? visible.position : this.#expected.get(name).end
      const reader = await log.openFile(name)
      let at = 4
      for (;;) {
        const { bytes, end } = reader.read(at, TARGET)
        if (bytes.length === 0) break
        if (!bytes.equals(this.#expected.get(name).view(at, end))) {
          fail('stored files are those of the source', `${node.name}: ${name} from ${at} to ${end}`)
        }
        at = end
      }
      await reader.close()
      const isWhole = name === visible.file ? at === size : at >= 4
      if (!isWhole) {
        fail(
          'stored files are those of the source',
          `${node.name}: ${name} ends at ${at} of ${size}`,
        )
      }
    }
  }
}
