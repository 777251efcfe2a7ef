/*
  Where the records of one file stand in its index: the checkpoints divide the index into blocks,
  each with the state from which its entries can be decoded. A block is decoded when it is read and
  kept in a cache that all files share, so that memory does not grow with the files.
*/

import { assert, OperationalError, present } from '../../lib/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { indexNameOf } from '../file-name.ts'
import { type Divided, Extents, type ExtentsCache } from './extents.ts'
import { BadIndexBytes } from './index-bytes.ts'
import {
  type Checkpoint,
  decodeDetached,
  decodeEntry,
  type IndexEntry,
  type IndexState,
} from './index-entry.ts'
import { decodeSet } from './index-header.ts'

interface Block {
  /** its entries are the index's bytes [entriesFrom, entriesTo) */
  readonly entriesFrom: number
  entriesTo: number
  readonly state: Readonly<IndexState>
  /** its records hold the file's bytes [start, end) */
  readonly start: number
  end: number
  /** what a cut left of its last record */
  divided: Divided | undefined
  /** where the set stands in the index that came with the checkpoint before the block */
  readonly set: { readonly from: number; readonly to: number } | undefined
}

/** A place between transactions, and the GTIDs that are held there. */
export interface HeldAt {
  readonly position: number
  readonly held: GtidSet
}

/** Such a place in the index. */
export interface SetPlace {
  /** @throws OperationalError E_STORE_DAMAGED */
  load(): HeldAt
}

export interface Found {
  readonly extents: Extents
  readonly index: number
}

export class IndexDirectory {
  /** of the binlog file */
  readonly name: string
  readonly #file: DiskFile
  readonly #cache: ExtentsCache
  /** in the file's order; never empty */
  readonly #blocks: Block[] = []
  /** the last block while records may still be added to it */
  #open: Block | undefined
  /** its records, which need not be in the index file yet */
  #tail: Extents

  /** @param start the state behind the index's head, which is `headSize` bytes long */
  constructor(
    name: string,
    file: DiskFile,
    cache: ExtentsCache,
    start: { readonly headSize: number; readonly state: IndexState },
  ) {
    this.name = name
    this.#file = file
    this.#cache = cache
    this.#tail = new Extents(start.state.end)
    this.#begin(start.headSize, start.state, undefined)
  }

  /** The next entry of the index, which stands at `offset` there and is `size` bytes long. */
  follow(entry: IndexEntry, offset: number, size: number): void {
    if (entry.kind === 'bytes') this.addRecord(entry.end, entry.crc)
    if (entry.kind === 'cut') this.cut(entry.to, entry)
    if (entry.kind === 'checkpoint') this.addCheckpoint(entry, offset, size)
  }

  /** The next record with bytes. */
  addRecord(end: number, crc: number): void {
    this.#tail.push(end, crc)
  }

  /** A checkpoint stands at `offset` of the index and is `size` bytes long: a new block begins. */
  addCheckpoint(checkpoint: Checkpoint, offset: number, size: number): void {
    const { state, setDistance, cut } = checkpoint
    if (cut !== undefined) this.cut(state.end, cut)
    const last = this.#open
    if (last !== undefined) {
      last.entriesTo = offset - setDistance
      last.end = state.end
      if (this.#tail.count > 0) this.#cache.put(last, this.#tail)
    }
    const set = setDistance === 0 ? undefined : { from: offset - setDistance, to: offset }
    this.#begin(offset + size, state, set)
  }

  /**
   * Takes the bytes from `to` on out of the directory; `divided.start` is `to` when no record is
   * divided.
   */
  cut(to: number, divided: Divided): void {
    if (this.#open !== undefined && this.#open.start > to) this.#drop()
    while (this.#open === undefined && this.#blocks.length > 1 && this.#last().start >= to) {
      this.#drop()
    }
    const last = this.#last()
    if (divided.start < to) last.divided = divided
    if (last === this.#open) {
      this.#tail.truncate(to, last.divided)
    } else {
      last.end = Math.min(last.end, to)
      this.#cache.drop(last)
    }
  }

  /**
   * The record that holds the byte at `position`, which must lie before the end of the file's
   * records.
   * @throws OperationalError E_STORE_DAMAGED when that part of the index is not what was written
   */
  find(position: number): Found {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (present(this.#blocks[middle], 'block').start <= position) low = middle
      else high = middle - 1
    }
    const extents = this.#extentsOf(present(this.#blocks[low], 'block'))
    assert(position < extents.end, `${this.name} has no record at ${position}`)
    return { extents, index: extents.find(position) }
  }

  /** Places with a GTID set, the newest first. */
  *setPlaces(): Generator<SetPlace> {
    for (let index = this.#blocks.length - 1; index >= 0; index -= 1) {
      const { set } = present(this.#blocks[index], 'block')
      if (set === undefined) continue
      yield { load: () => this.#loadSet(set.from, set.to) }
    }
  }

  #last(): Block {
    return present(this.#blocks.at(-1), 'the last block')
  }

  #drop(): void {
    const dropped = present(this.#blocks.pop(), 'the last block')
    this.#cache.drop(dropped)
    if (dropped !== this.#open) return
    this.#open = undefined
    this.#tail = new Extents(dropped.start)
  }

  #begin(entriesFrom: number, state: Readonly<IndexState>, set: Block['set']): void {
    const { end } = state
    const block: Block = {
      entriesFrom,
      entriesTo: entriesFrom,
      state: { ...state },
      start: end,
      end,
      divided: undefined,
      set,
    }
    this.#blocks.push(block)
    this.#open = block
    this.#tail = new Extents(end)
  }

  #extentsOf(block: Block): Extents {
    if (block === this.#open) return this.#tail
    const held = this.#cache.get(block)
    if (held !== undefined) return held
    const extents = this.#decode(block)
    this.#cache.put(block, extents)
    return extents
  }

  #decode(block: Block): Extents {
    const extents = new Extents(block.start)
    const bytes = this.#read(block.entriesFrom, block.entriesTo)
    const state = { ...block.state }
    for (let offset = 0; offset < bytes.length; ) {
      const { entry, next } = this.#trust(block.entriesFrom, () =>
        decodeEntry(bytes, offset, state),
      )
      if (entry.kind === 'bytes') extents.push(entry.end, entry.crc)
      // A crash may have taken the checkpoint that ends a block behind each cut.
      if (entry.kind === 'cut') extents.truncate(entry.to, entry)
      offset = next
    }
    extents.truncate(block.end, block.divided)
    if (extents.end !== block.end) throw this.#damaged(block.entriesFrom)
    return extents
  }

  #loadSet(from: number, to: number): HeldAt {
    const bytes = this.#read(from, to)
    return this.#trust(from, () => {
      const { entry } = decodeDetached(bytes)
      if (entry.kind !== 'set') throw new BadIndexBytes('not a set')
      return { position: entry.position, held: decodeSet(entry.encoded) }
    })
  }

  #read(from: number, to: number): Buffer {
    const bytes = Buffer.allocUnsafe(to - from)
    if (this.#file.read(bytes, from) < bytes.length) throw this.#damaged(from)
    return bytes
  }

  #trust<T>(offset: number, read: () => T): T {
    try {
      return read()
    } catch (thrown) {
      if (thrown instanceof BadIndexBytes) throw this.#damaged(offset)
      throw thrown
    }
  }

  #damaged(offset: number): OperationalError {
    const file = indexNameOf(this.name)
    const message =
      `the index ${file} is damaged at or after its byte ${offset}; ` +
      `run kingbus repair ${this.name}`
    return new OperationalError('E_STORE_DAMAGED', message, { file, position: offset })
  }
}
