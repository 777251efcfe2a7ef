/*
  What dumps read and frame, shared between those that stand at the same place.

  A framed chunk depends on the file, the position where it begins and the packet sequence number
  there, and on nothing else: dumps that began at the same place have them in common for ever. While
  two dumps or more read a file, its last few chunks are kept for the others. A dump that is alone
  gets the same hot buffer each time.
*/
import type { DumpFramer, FramerState } from '../../mysql/index.ts'
import type { BinlogFile } from './binlog-reader.ts'
import { type ChunkPool, READ_OFFSET } from './chunk-pool.ts'

/** Chunks kept for dumps that come to the same place a little later. */
const CHUNKS_KEPT_MAX = 4

/** From where a dump reads on. */
export interface ChunkStart {
  readonly file: BinlogFile
  readonly position: number
  /** end of the event whose acknowledgement is wanted, in a semi-sync dump */
  readonly awaited: number | undefined
}

/** Packets of consecutive bytes of a file. */
interface Framed {
  readonly packets: Buffer
  /** the position behind the last byte of the file that is in it, or that waits in `state` */
  readonly end: number
  /** where the framer stands behind it */
  readonly state: FramerState
}

/** What a dump sends; it lets it go when the socket has taken it. */
export interface FramedChunk extends Framed {
  release(): void
}

class CountedChunk implements FramedChunk {
  readonly packets: Buffer
  readonly end: number
  readonly state: FramerState
  readonly #buffer: Buffer
  readonly #pool: ChunkPool
  #users = 0

  constructor(framed: Framed, buffer: Buffer, pool: ChunkPool) {
    this.packets = framed.packets
    this.end = framed.end
    this.state = framed.state
    this.#buffer = buffer
    this.#pool = pool
  }

  use(): this {
    this.#users += 1
    return this
  }

  release(): void {
    this.#users -= 1
    if (this.#users === 0) this.#pool.give(this.#buffer)
  }
}

export class SharedChunks {
  readonly #pool: ChunkPool
  readonly #readers = new Map<string, number>()
  /** in the order in which they were made */
  readonly #kept = new Map<string, CountedChunk>()

  constructor(pool: ChunkPool) {
    this.#pool = pool
  }

  /** A dump begins to read the file; it says `leave` when it is done. */
  enter(file: string): void {
    this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1)
  }

  leave(file: string): void {
    const left = (this.#readers.get(file) ?? 0) - 1
    if (left > 0) this.#readers.set(file, left)
    else this.#readers.delete(file)
    if (left > 1) return
    for (const key of this.#kept.keys()) {
      if (key.startsWith(`${file}:`)) this.#drop(key)
    }
  }

  /**
   * The packets from `position` on, with the framer moved behind them; undefined when nothing more
   * is visible. The caller releases the chunk. When reading or framing throws, the framer is where
   * it was. What is marked for semi-synchronous replication is shared with nobody.
   */
  take(start: ChunkStart, framer: DumpFramer): FramedChunk | undefined {
    if (framer.isSemiSync) return this.#make(start, framer)
    const { file, position } = start
    const key = `${file.name}:${position}:${framer.sequence}`
    const kept = this.#kept.get(key)
    if (kept !== undefined) {
      framer.restore(kept.state)
      return kept.use()
    }
    const chunk = this.#make(start, framer)
    if (chunk !== undefined && (this.#readers.get(file.name) ?? 0) > 1) this.#keep(key, chunk)
    return chunk
  }

  #make(start: ChunkStart, framer: DumpFramer): CountedChunk | undefined {
    const buffer = this.#pool.take()
    let chunk: CountedChunk | undefined
    try {
      const framed = framedFrom(start, { buffer, framer })
      chunk = framed === undefined ? undefined : new CountedChunk(framed, buffer, this.#pool).use()
    } finally {
      if (chunk === undefined) this.#pool.give(buffer)
    }
    return chunk
  }

  #keep(key: string, chunk: CountedChunk): void {
    this.#kept.set(key, chunk.use())
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= CHUNKS_KEPT_MAX) return
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    this.#kept.get(key)?.release()
    this.#kept.delete(key)
  }
}

function framedFrom(
  { file, position, awaited }: ChunkStart,
  { buffer, framer }: { buffer: Buffer; framer: DumpFramer },
): Framed | undefined {
  const read = file.read(position, buffer.subarray(READ_OFFSET))
  if (read.bytes.length === 0) return undefined
  const before = framer.save()
  const start = read.bytes.byteOffset - buffer.byteOffset
  framer.awaitAt(position - start, awaited)
  try {
    const size = framer.frame(buffer, start, start + read.bytes.length, 0)
    return { packets: buffer.subarray(0, size), end: read.end, state: framer.save() }
  } catch (thrown) {
    framer.restore(before)
    throw thrown
  }
}
