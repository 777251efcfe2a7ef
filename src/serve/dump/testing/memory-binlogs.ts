import { OperationalError, present, Watch } from '../../../lib/index.ts'
import {
  decodeFormatDescription,
  decodeGtidEvent,
  decodePreviousGtids,
  EventType,
  formatGtid,
  type Gtid,
  GtidSet,
  isGtidEvent,
  isPreviousGtids,
} from '../../../mysql/index.ts'
import type { FileInfo, Position, VisibleEnd } from '../../../store/index.ts'
import type { BinlogFile, BinlogReader } from '../binlog-reader.ts'

export interface MemoryFile {
  readonly name: string
  readonly bytes: Buffer
}

/** The events of a binlog file, with where they begin. */
export function eventsOf(file: Buffer, end = file.length): { position: number; event: Buffer }[] {
  const events = []
  for (let position = 4; position < end; ) {
    const event = file.subarray(position, position + file.readUInt32LE(position + 9))
    events.push({ position, event })
    position += event.length
  }
  return events
}

/**
 * Whole binlog files in memory, shown as far as the test says, read in small records of one size.
 */
export class MemoryBinlogs implements BinlogReader {
  readonly visible = new Watch<VisibleEnd | undefined>(undefined)
  readonly #files: readonly MemoryFile[]
  readonly #recordSize: number
  #purged = GtidSet.empty()
  readsCount = 0
  openCount = 0
  findsPlaces = false
  /** reading beyond this in any file says that the file is damaged */
  damagedFrom = Number.POSITIVE_INFINITY

  constructor(files: readonly MemoryFile[], recordSize = 1000) {
    this.#files = files
    this.#recordSize = recordSize
    const last = present(files.at(-1), 'file')
    this.show(last.name, last.bytes.length)
  }

  show(file: string, position: number): void {
    this.visible.set({ file, position, sequence: position })
  }

  markPurged(gtids: GtidSet): void {
    this.#purged = gtids
  }

  executed(): GtidSet {
    const all = this.#purged.clone()
    const first = this.#files[0]
    if (first !== undefined) all.addAll(previousOf(first.bytes))
    for (const { name, size } of this.files()) {
      for (const { gtid } of transactionsOf(this.bytesOf(name), size)) {
        all.add(gtid)
      }
    }
    return all
  }

  purged(): GtidSet {
    return this.#purged
  }

  files(): FileInfo[] {
    const end = present(this.visible.value, 'visible end')
    const shown = this.#files.slice(0, this.#files.findIndex(({ name }) => name === end.file) + 1)
    return shown.map(({ name, bytes }) => ({
      name,
      size: name === end.file ? end.position : bytes.length,
      active: name === end.file,
      firstSequence: 1,
      firstTimestamp: 0,
      lastTimestamp: 0,
      sourceFile: name,
      sourceUuid: '',
      readers: 0,
    }))
  }

  previousGtids(name: string): Promise<GtidSet> {
    return Promise.resolve(previousOf(this.bytesOf(name)))
  }

  findGtidStart(held: GtidSet): Promise<Position | undefined> {
    const found = this.files().findLast(({ name }) => held.contains(previousOf(this.bytesOf(name))))
    return Promise.resolve(found && { file: found.name, position: this.#placeIn(found, held) })
  }

  /** As far into the file as everything is held, if the test wants it. */
  #placeIn({ name, size }: FileInfo, held: GtidSet): number {
    if (!this.findsPlaces) return 4
    const missing = transactionsOf(this.bytesOf(name), size).find(({ gtid }) => !held.has(gtid))
    const last = eventsOf(this.bytesOf(name), size).at(-1)
    return missing?.position ?? (last?.event[4] === EventType.ROTATE ? last.position : size)
  }

  heldBehind(gtid: Gtid): Promise<GtidSet | undefined> {
    for (const { name, size } of this.files()) {
      const held = previousOf(this.bytesOf(name)).union(this.#purged)
      for (const { gtid: passed } of transactionsOf(this.bytesOf(name), size)) {
        held.add(passed)
        if (formatGtid(passed) === formatGtid(gtid)) return Promise.resolve(held)
      }
    }
    return Promise.resolve(undefined)
  }

  openFile(name: string): Promise<BinlogFile> {
    const bytes = this.bytesOf(name)
    this.openCount += 1
    const read: BinlogFile['read'] = (position, target) => {
      this.readsCount += 1
      const size = present(
        this.files().find((file) => file.name === name),
        name,
      ).size
      const from = Math.floor(position / this.#recordSize) * this.#recordSize
      const whole = Math.floor(target.length / this.#recordSize) * this.#recordSize
      const end = Math.min(size, from + whole, from + 8 * this.#recordSize)
      if (end <= position) return { bytes: target.subarray(0, 0), end: position }
      if (end > this.damagedFrom) throw new OperationalError('E_STORE_DAMAGED', 'damaged')
      bytes.copy(target, 0, from, end)
      return { bytes: target.subarray(position - from, end - from), end }
    }
    const close = (): Promise<void> => {
      this.openCount -= 1
      return Promise.resolve()
    }
    const readAsync: BinlogFile['readAsync'] = (position, target) =>
      Promise.resolve(read(position, target))
    return Promise.resolve({ name, read, readAsync, close })
  }

  bytesOf(name: string): Buffer {
    const file = this.#files.find((one) => one.name === name)
    if (file === undefined) throw new OperationalError('E_FILE_UNKNOWN', `no file ${name}`)
    return file.bytes
  }
}

function previousOf(file: Buffer): GtidSet {
  const [head, second] = eventsOf(file)
  if (second === undefined || !isPreviousGtids(second.event[4] ?? 0)) return GtidSet.empty()
  const { checksum } = decodeFormatDescription(present(head, 'FORMAT_DESCRIPTION').event)
  return decodePreviousGtids(second.event, checksum)
}

/** The transactions of a file, by their GTID events. */
export function transactionsOf(file: Buffer, end = file.length) {
  return eventsOf(file, end)
    .filter(({ event }) => isGtidEvent(event[4] ?? 0) && event[4] !== EventType.ANONYMOUS_GTID)
    .map(({ position, event }) => ({
      position,
      gtid: present(decodeGtidEvent(event, 'CRC32').gtid, 'GTID'),
    }))
}
