/*
  What the node's files must hold, told from the source's history alone: the source's bytes, and for a
  file that begins inside the source's a head of our own and events that end elsewhere.
*/
import type { FileBegin } from '../../src/journal/index.ts'
import { present } from '../../src/lib/index.ts'
import {
  BINLOG_MAGIC,
  encodePreviousGtids,
  GtidSet,
  readEventHeader,
  rewriteFormatDescription,
} from '../../src/mysql/index.ts'
import { GrowableBytes } from '../../src/platform/testing/growable-bytes.ts'
import { movedTo } from './source/events.ts'
import type { SourceHistory, WrittenEvent, WrittenFile } from './source/history.ts'

export class ExpectedFile {
  readonly source: WrittenFile
  /** where the source's bytes begin in the source's file, and in ours */
  readonly #from: number
  readonly #shift: number
  readonly #moved: GrowableBytes | undefined
  readonly #head: readonly WrittenEvent[]
  #movedEvents = 0

  constructor(source: WrittenFile, begin: FileBegin | undefined) {
    this.source = source
    this.#from = begin?.sourcePosition ?? BINLOG_MAGIC.length
    if (this.#from === BINLOG_MAGIC.length) {
      this.#shift = 0
      this.#head = []
      return
    }
    this.#moved = new GrowableBytes()
    this.#moved.append(BINLOG_MAGIC)
    this.#head = this.#makeHead(this.#moved, source.heldAt(this.#from))
    this.#shift = this.#moved.size - this.#from
  }

  get name(): string {
    return this.source.name
  }

  /** where the source's own bytes begin */
  get base(): number {
    return this.#from + this.#shift
  }

  /** End of everything that the source has ever written to it, in our positions. */
  get end(): number {
    return this.source.bytes.size + this.#shift
  }

  /** The same of what the source still has. */
  get keptEnd(): number {
    return this.source.size + this.#shift
  }

  /** Where a place of the source's file lies in ours. */
  placeOf(sourcePosition: number): number {
    return sourcePosition + this.#shift
  }

  view(from: number, to: number): Buffer {
    if (this.#moved === undefined) return this.source.bytes.view(from, to)
    for (const event of this.source.events.slice(this.#movedEvents)) {
      this.#movedEvents += 1
      if (event.position < this.#from) continue
      const bytes = this.source.bytes.view(event.position, event.end)
      this.#moved.append(movedTo(bytes, event.end + this.#shift))
    }
    return this.#moved.view(from, to)
  }

  /** with our positions */
  get events(): readonly WrittenEvent[] {
    if (this.#moved === undefined) return this.source.events
    const moved = this.source.events
      .filter(({ position }) => position >= this.#from)
      .map((event) => ({
        ...event,
        position: event.position + this.#shift,
        end: event.end + this.#shift,
      }))
    return [...this.#head, ...moved]
  }

  heldAt(position: number): GtidSet {
    return this.source.heldAt(Math.max(this.#from, position - this.#shift))
  }

  isBoundary(position: number): boolean {
    if (position === BINLOG_MAGIC.length) return true
    return this.events.some(({ end, boundary }) => end === position && boundary)
  }

  #makeHead(into: GrowableBytes, before: GtidSet): WrittenEvent[] {
    const stored = Buffer.from(this.source.bytes.view(4, this.source.events[0]?.end))
    const logPos = BINLOG_MAGIC.length + stored.length
    const description = rewriteFormatDescription(stored, { created: 0, logPos })
    const { timestamp, serverId } = readEventHeader(description)
    const fields = { timestamp, serverId, checksum: 'CRC32' as const }
    const size = encodePreviousGtids(before, { ...fields, logPos: 0 }).length
    const previous = encodePreviousGtids(before, { ...fields, logPos: logPos + size })
    return [description, previous].map((event) => {
      const position = into.size
      into.append(event)
      return { position, end: into.size, type: event[4] ?? 0, boundary: true, gtid: undefined }
    })
  }
}

export class Expected {
  readonly history: SourceHistory
  readonly #files = new Map<string, ExpectedFile>()
  /** how the node's first file began; its own word, checked where it is given */
  #first: FileBegin | undefined

  constructor(history: SourceHistory) {
    this.history = history
  }

  get first(): FileBegin | undefined {
    return this.#first
  }

  /** The node's first file has begun. */
  learn(first: FileBegin): void {
    this.#first ??= first
  }

  get(name: string): ExpectedFile {
    const known = this.#files.get(name)
    if (known !== undefined) return known
    const source = present(this.history.find(name), `the source's file ${name}`)
    const first = present(this.#first, 'how the first file began')
    const file = new ExpectedFile(source, first.name === name ? first : undefined)
    this.#files.set(name, file)
    return file
  }

  /** What was held before the node's first byte. */
  contact(): GtidSet {
    const first = present(this.#first, 'how the first file began')
    const source = present(this.history.find(first.sourceFile), 'the first file')
    return source.heldAt(first.sourcePosition)
  }
}
