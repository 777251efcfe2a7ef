import { OperationalError } from '../../../src/lib/index.ts'
import { GtidSet } from '../../../src/mysql/index.ts'
import type { DiskFile } from '../../../src/platform/index.ts'
import { ExtentsCache } from '../../../src/store/index-file/extents.ts'
import { BadIndexBytes, shortCrc32 } from '../../../src/store/index-file/index-bytes.ts'
import {
  decodeEntry,
  encodeEntry,
  firstState,
  type IndexEntry,
  Tag,
} from '../../../src/store/index-file/index-entry.ts'
import { decodeHead } from '../../../src/store/index-file/index-header.ts'
import {
  loadClosed,
  readClosing,
  readClosingSet,
  scanIndex,
} from '../../../src/store/index-file/index-scan.ts'
import { require, type Target } from '../target.ts'
import { INDEX_NAME, storedIndexes } from './stored-folder.ts'

/** A file of these bytes that cannot be written. */
function fileOf(bytes: Buffer): DiskFile {
  const refuse = (): never => {
    throw new Error('reading an index does not write')
  }
  const read = (target: Uint8Array, position: number): number =>
    position >= bytes.length ? 0 : bytes.copy(target, 0, position)
  return {
    path: '/binlogs/x.idx',
    size: () => bytes.length,
    read,
    readAsync: async (target, position) => read(target, position),
    write: refuse,
    truncate: refuse,
    sync: refuse,
    writeAndSync: refuse,
    close: async () => {},
  }
}

/** Ends the bytes with the CRC-32 of what is before, going on from `seed`; returns it. */
function stamp(entry: Buffer, seed: number): number {
  if (entry.length < 5) return seed
  const check = shortCrc32(entry, 0, entry.length - 4, seed)
  entry.writeUInt32LE(check, entry.length - 4)
  return check
}

/** A head and the entries behind it with all their checks made right, as far as they can be told apart. */
export function rechained(input: Buffer): Buffer {
  const bytes = Buffer.from(input)
  const headSize = bytes.length >= 12 ? bytes.readUInt32LE(8) : 0
  if (headSize < 16 || headSize > bytes.length) return bytes
  rechain(bytes, headSize, stamp(bytes.subarray(0, headSize), 0))
  return bytes
}

function rechain(bytes: Buffer, from: number, firstCheck: number): void {
  let check = firstCheck
  for (let at = from; at < bytes.length; ) {
    const size = sizeOfEntry(bytes, at, check)
    if (size === 0) return
    const entry = bytes.subarray(at, at + size)
    const tag = entry[0] ?? 0
    const behind = tag === Tag.CLOSED ? 4 : 1
    if (tag >= Tag.SET && tag !== Tag.CUT_DONE && size > behind + 8)
      entry.writeUInt32LE(check, behind)
    check = stamp(entry, check)
    at += size
  }
}

/** The shortest size with which the entry is true once its checks are right; 0 when there is none. */
function sizeOfEntry(bytes: Buffer, at: number, check: number): number {
  for (let size = 5; size <= 300 && at + size <= bytes.length; size += 1) {
    const entry = Buffer.from(bytes.subarray(at, at + size))
    const tag = entry[0] ?? 0
    const behind = tag === Tag.CLOSED ? 4 : 1
    if (tag >= Tag.SET && tag !== Tag.CUT_DONE && size > behind + 8)
      entry.writeUInt32LE(check, behind)
    stamp(entry, check)
    try {
      decodeEntry(entry, 0, { ...firstState(check, 1), end: 2 ** 40 })
      return size
    } catch (thrown) {
      if (!(thrown instanceof BadIndexBytes)) throw thrown
    }
  }
  return 0
}

const ENTRIES_CHECK = 7

/** One entry of each kind behind the other, as they may stand in a file. */
function entries(): Buffer {
  const state = firstState(ENTRIES_CHECK, 1)
  const purged = GtidSet.parse('24bc7850-2c16-11e6-a073-0242ac110001:1-77:tag:5')
  const facts = { sourceUuid: 'u', sourceFile: 'f', sourcePosition: 4, basePosition: 4 }
  const made: IndexEntry[] = [
    { kind: 'file-begin', epoch: 1, begin: { name: INDEX_NAME, ...facts, purged } },
    { kind: 'epoch-start', epoch: 2 },
    { kind: 'bytes', epoch: 2, end: 9000, boundary: 8000, crc: 5, timestamp: 1_777_630_272 },
    { kind: 'set', position: 8000, encoded: purged.encode() },
    { kind: 'cut', epoch: 2, to: 8500, start: 4, crc: 6 },
    { kind: 'cut-done' },
    { kind: 'purge', epoch: 2, upTo: INDEX_NAME },
  ]
  return Buffer.concat(made.map((entry) => encodeEntry(entry, state).bytes))
}

const refuses = (thrown: unknown): boolean =>
  thrown instanceof BadIndexBytes || thrown instanceof OperationalError

export const indexTargets: readonly Target[] = [
  {
    name: 'index-head',
    covers: [],
    seeds: () => storedIndexes(),
    run: (input) => void decodeHead(input),
    repair: rechained,
    refuses,
  },
  {
    name: 'index-entries',
    covers: [],
    seeds: () => [entries()],
    run(input, random) {
      const state = firstState(ENTRIES_CHECK, 1)
      const bytes = Buffer.from(input)
      if (random.chance(0.8)) rechain(bytes, 0, state.check)
      for (let at = 0; at < bytes.length; ) {
        const { next } = decodeEntry(bytes, at, state)
        require(next > at && next <= bytes.length, 'an entry ends in its bytes')
        require(state.boundary <= state.end, 'a boundary is not behind the end')
        at = next
      }
    },
    refuses,
  },
  {
    name: 'index-scan',
    covers: [],
    seeds: () => storedIndexes(),
    run(input) {
      const file = fileOf(input)
      const scan = scanIndex(INDEX_NAME, file, new ExtentsCache(1000))
      require((scan?.end.offset ?? 0) <= input.length, 'a scan ends in the file')
      const closing = readClosing(file)
      if (closing !== undefined) readClosingSet(file, closing)
      loadClosed(INDEX_NAME, file, new ExtentsCache(1000))
    },
    repair: rechained,
    refuses,
  },
]
