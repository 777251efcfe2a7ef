/*
  The binlog of a simulated source, from its first byte on: nothing is forgotten here, also what the
  source has purged or lost since. It is what everything else is compared with.
*/
import { present } from '../../../src/lib/index.ts'
import {
  BINLOG_MAGIC,
  decodeGtidEvent,
  EventType,
  encodePreviousGtids,
  encodeRotate,
  type Gtid,
  GtidSet,
  readEventHeader,
} from '../../../src/mysql/index.ts'
import { GrowableBytes } from '../../../src/platform/testing/growable-bytes.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import {
  formatDescription,
  madeEvent,
  movedTo,
  replicatedAt,
  SOURCE_SERVER_ID,
  type TransactionKind,
  transactionAt,
} from './events.ts'

export interface WrittenEvent {
  readonly position: number
  readonly end: number
  readonly type: number
  /** behind it the file lies between transactions */
  readonly boundary: boolean
  /** of the transaction that it ends */
  readonly gtid: Gtid | undefined
}

export class WrittenFile {
  readonly name: string
  readonly bytes = new GrowableBytes()
  readonly events: WrittenEvent[] = []
  /** what the transactions before the file are */
  readonly previous: GtidSet
  /** the source has lost what stands behind this */
  keptEnd = Number.POSITIVE_INFINITY

  constructor(name: string, previous: GtidSet) {
    this.name = name
    this.previous = previous
  }

  /** how much of it the source has */
  get size(): number {
    return Math.min(this.bytes.size, this.keptEnd)
  }

  append(event: Buffer, facts: { boundary: boolean; gtid?: Gtid }): void {
    const position = this.bytes.size
    this.bytes.append(event)
    const { boundary, gtid } = facts
    const end = position + event.length
    this.events.push({ position, end, type: event[4] ?? 0, boundary, gtid })
  }

  /** What is held behind everything up to the position. */
  heldAt(position: number): GtidSet {
    const held = this.previous.clone()
    for (const { end, gtid } of this.events) {
      if (end <= position && gtid !== undefined) held.add(gtid)
    }
    return held
  }
}

const TAGS = ['', '', '', '', '', 'blue', 'green_1']

/** A transaction as it stands in a file, its GTID event first. */
export interface WrittenTransaction {
  readonly gtid: Gtid
  readonly events: readonly Buffer[]
}

export interface HistoryOptions {
  /** larger ones are not written */
  readonly eventBytesMost?: number
  /** of the files, which are numbered from `firstNumber` on */
  readonly stem?: string
  readonly firstNumber?: number
  /** its server_uuid; otherwise a new one */
  readonly uuid?: string | undefined
}

export class SourceHistory {
  readonly uuid: string
  /** servers whose transactions the source has, itself first */
  readonly #origins: readonly string[]
  readonly #random: SeededRandom
  readonly #nowSeconds: () => number
  readonly #eventBytesMost: number
  readonly #nameOf: (index: number) => string
  readonly #options: HistoryOptions
  readonly files: WrittenFile[] = []
  /** index of the oldest file that the source has */
  oldest = 0
  /** committed in the binlog and not in the engine yet: not in gtid_executed */
  readonly owned = GtidSet.empty()
  readonly #next = new Map<string, bigint>()
  #commits = 0n
  #openXa = false
  /** index of the file that has the first number */
  #numberedFrom = 0

  constructor(random: SeededRandom, nowSeconds: () => number, options: HistoryOptions = {}) {
    const { eventBytesMost = Number.POSITIVE_INFINITY, stem = 'binlog', firstNumber = 1 } = options
    this.#options = options
    this.#random = random
    this.#nowSeconds = nowSeconds
    this.#eventBytesMost = eventBytesMost
    this.#nameOf = (index) => `${stem}.${String(firstNumber + index).padStart(6, '0')}`
    this.uuid = options.uuid ?? random.uuid()
    this.#origins = [this.uuid, this.uuid, this.uuid, random.uuid()]
    this.#begin(GtidSet.empty(), 'started')
  }

  get active(): WrittenFile {
    return present(this.files.at(-1), 'the active file')
  }

  get kept(): readonly WrittenFile[] {
    return this.files.slice(this.oldest)
  }

  find(name: string): WrittenFile | undefined {
    return this.files.find((file) => file.name === name)
  }

  executed(): GtidSet {
    return this.active.heldAt(this.active.size)
  }

  purged(): GtidSet {
    return present(this.files[this.oldest], 'the oldest file').previous
  }

  /** One more transaction; its GTID. */
  commit(): Gtid {
    const random = this.#random
    const uuid = random.pick(this.#origins)
    const tag = random.pick(TAGS)
    const origin = tag === '' ? uuid : `${uuid}:${tag}`
    const gno = this.#next.get(origin) ?? 1n
    this.#next.set(origin, gno + 1n)
    const gtid = { origin, gno }
    const file = this.active
    const timestamp = this.#nowSeconds()
    const eventBytesMost = this.#eventBytesMost
    const micros = this.#commitMicros(timestamp)
    const made = { kind: this.#kind(), gtid, timestamp, micros, random, eventBytesMost }
    this.#append(transactionAt(file.bytes.size, made), gtid)
    return gtid
  }

  /** No two commits get the same, as good as ever: one of a number that was lost and given again is told by it. */
  #commitMicros(timestamp: number): bigint {
    this.#commits += 1n
    return BigInt(timestamp) * 1_000_000n + (this.#commits % 1_000_000n)
  }

  #append(events: readonly Buffer[], gtid: Gtid): void {
    const file = this.active
    for (const [index, event] of events.entries()) {
      const isLast = index === events.length - 1
      file.append(event, isLast ? { boundary: true, gtid } : { boundary: false })
    }
  }

  /** All that it has from a file on, by its index, in its order; what it has lost is left out. */
  *transactions(fromFile = 0): Generator<WrittenTransaction> {
    for (const { bytes, events, size } of this.files.slice(fromFile)) {
      let open: Buffer[] = []
      for (const { position, end, boundary, gtid } of events) {
        if (end > size) break
        open.push(Buffer.from(bytes.view(position, end)))
        if (gtid !== undefined) yield { gtid, events: open }
        if (boundary) open = []
      }
    }
  }

  /** A transaction of another server comes by replication. */
  replicate({ gtid, events: [head, ...rest] }: WrittenTransaction): void {
    const file = this.active
    const gtidEvent = present(head, 'a GTID event')
    const timestamp = readEventHeader(gtidEvent).timestamp
    const micros = decodeGtidEvent(gtidEvent, 'CRC32').originalCommitMicros
    this.#append(replicatedAt(file.bytes.size, { gtid, timestamp, micros }, rest), gtid)
  }

  /** A transaction of its own, from before its files were made anew. */
  restore({ gtid, events }: WrittenTransaction): void {
    let end = this.active.bytes.size
    const moved = events.map((event) => {
      end += event.length
      return movedTo(event, end)
    })
    this.#append(moved, gtid)
  }

  /** A server that was started with a copy of all files but the newest, which nothing stands in. */
  copy(random: SeededRandom): SourceHistory {
    const copy = new SourceHistory(random, this.#nowSeconds, { ...this.#options, uuid: undefined })
    copy.files.splice(0, 1, ...this.files.slice(0, -1))
    copy.oldest = this.oldest
    copy.#numberedFrom = this.#numberedFrom
    copy.#commits = this.#commits
    copy.#begin(this.active.previous, 'started')
    return copy
  }

  /** Its files were removed while it was down, and numbered from the first one again. */
  removeFiles(): void {
    this.oldest = this.files.length
    this.#numberedFrom = this.files.length
    this.#begin(this.executed(), 'started')
  }

  /** Numbers its transactions behind those of the server that it was. */
  goOnBehind(before: SourceHistory): void {
    for (const [origin, gno] of before.#next) this.#next.set(origin, gno)
    this.#commits = before.#commits
  }

  /** FLUSH BINARY LOGS, or the file is full. */
  rotate(): void {
    const file = this.active
    const name = this.#nameOf(this.files.length - this.#numberedFrom)
    const fields = { timestamp: this.#nowSeconds(), serverId: SOURCE_SERVER_ID, flags: 0 }
    const rotate = { file: name, position: 4n, checksum: 'CRC32' as const, ...fields }
    const size = encodeRotate({ ...rotate, logPos: 0 }).length
    file.append(encodeRotate({ ...rotate, logPos: file.bytes.size + size }), { boundary: true })
    this.#begin(this.executed(), 'rotated')
  }

  /** The server ends, in order or not, and begins a new file when it comes back. */
  restart(how: 'stop' | 'crash'): void {
    const file = this.active
    if (how === 'stop') {
      const stop = madeEvent(EventType.STOP, this.#nowSeconds(), Buffer.alloc(0))
      file.append(stop(file.bytes.size + stop(0).length), { boundary: true })
    }
    this.owned.removeAll(this.owned.clone())
    this.#begin(this.executed(), 'started')
  }

  /** A crash with sync_binlog = 0: the last transactions are gone, and their numbers given again. */
  loseTail(): WrittenFile | undefined {
    const file = this.active
    const ends = file.events.filter(({ gtid }) => gtid !== undefined)
    const lost = ends.slice(-this.#random.between(1, 4))
    const first = ends.at(-lost.length - 1)
    if (first === undefined) return undefined
    file.keptEnd = first.end
    for (const { gtid } of lost) {
      if (gtid === undefined) continue
      const next = this.#next.get(gtid.origin) ?? gtid.gno
      this.#next.set(gtid.origin, next < gtid.gno ? next : gtid.gno)
    }
    this.restart('crash')
    return file
  }

  purgeTo(name: string): void {
    const index = this.files.findIndex((file) => file.name === name)
    this.oldest = Math.max(this.oldest, index)
  }

  #kind(): TransactionKind {
    if (this.#openXa) {
      this.#openXa = false
      return 'xa end'
    }
    const kinds = ['rows', 'rows', 'rows', 'rows', 'ddl', 'payload', 'xa prepare'] as const
    const kind = this.#random.pick(kinds)
    this.#openXa = kind === 'xa prepare'
    return kind
  }

  #begin(previous: GtidSet, how: 'started' | 'rotated'): void {
    const file = new WrittenFile(this.#nameOf(this.files.length - this.#numberedFrom), previous)
    this.files.push(file)
    file.bytes.append(BINLOG_MAGIC)
    const timestamp = this.#nowSeconds()
    file.append(formatDescription(how === 'started' ? timestamp : 0), { boundary: true })
    const fields = { timestamp, serverId: SOURCE_SERVER_ID, checksum: 'CRC32' as const }
    const size = encodePreviousGtids(previous, { ...fields, logPos: 0 }).length
    const logPos = file.bytes.size + size
    file.append(encodePreviousGtids(previous, { ...fields, logPos }), { boundary: true })
  }
}
