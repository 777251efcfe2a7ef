/*
  An entry of an index file: `tag`, fields, `check`. The check is the CRC-32 of the entry's bytes going on
  from the check of its predecessor (the head's for the first), so an entry is true only in its place.
  Tags below 0x10 are records and have RecordKind's order; with EPOCH_FOLLOWS a varint epoch stands behind the
  tag, else it is the predecessor's. A record's sequence is its predecessor's plus one.

    01 bytes        varint size, varint end - boundary, zigzag timestamp - predecessor's, u32 crc of the bytes
    02 file-begin   text name, text source uuid, text source file, varint source position,
                    varint base position, u8 has a purged set [block]
    03 epoch-start
    04 cut          varint to, varint start, u32 crc: of the record that `to` divides, its start and the CRC
                    of its bytes before `to`; start = to when it divides none
    05 purge        text first name that stays

  With SYNCED_BEFORE in the tag, everything before the entry was synced when it was written.

  From 0x10 on they say something about the records and have no sequence; each but `cut-done` repeats its
  predecessor's check (u32, behind the tag), so that it can be believed without reading all before it.

    10 set          varint position, block: the GTIDs held at that position, first contact included
    11 checkpoint   varint distance to the checkpoint before (0: none), varint distance to the set of this
                    one (0: none), varint sequence, epoch, end, boundary, timestamp, first timestamp, 32 bytes
                    digest, u8 behind a cut [varint start, u32 crc as in the cut]
    12 cut-done     the bytes behind the last cut are gone from the file
    13 closed       always CLOSED_SIZE bytes, at the end of the index of a file that is closed: 3 bytes 0 before
                    the predecessor's check; u64 offset of the last checkpoint, size, sequence, epoch;
                    u32 first timestamp, timestamp
*/

import { type FileBegin, RECORD_BYTES_MAX, type RecordKind } from '../record.ts'
import type { Divided } from './extents.ts'
import { BadIndexBytes, IndexReader, IndexWriter, shortCrc32 } from './index-bytes.ts'
import { DIGEST_SIZE, decodeSet, SET_SIZE_MAX } from './index-header.ts'

export const Tag = {
  BYTES: 0x01,
  FILE_BEGIN: 0x02,
  EPOCH_START: 0x03,
  CUT: 0x04,
  PURGE: 0x05,
  SET: 0x10,
  CHECKPOINT: 0x11,
  CUT_DONE: 0x12,
  CLOSED: 0x13,
} as const

const EPOCH_FOLLOWS = 0x80
export const SYNCED_BEFORE = 0x40
const NAME_SIZE_MAX = 1024

export const CLOSED_SIZE = 52
/** No checkpoint is longer, so one read of this size gets it. */
export const CHECKPOINT_SIZE_MAX = 160

/** What the next entry builds on; the same for who writes and who reads. */
export interface IndexState {
  check: number
  sequence: number
  epoch: number
  end: number
  boundary: number
  /** newest, and that of the first record that has one; seconds since 1970, 0 when there is none */
  timestamp: number
  firstTimestamp: number
}

export interface BytesEntry {
  readonly kind: 'bytes'
  readonly epoch: number
  readonly end: number
  readonly boundary: number
  readonly crc: number
  readonly timestamp: number
}

export interface CutEntry {
  readonly kind: 'cut'
  readonly epoch: number
  readonly to: number
  readonly start: number
  readonly crc: number
}

export interface Checkpoint {
  readonly kind: 'checkpoint'
  readonly previousDistance: number
  readonly setDistance: number
  /** the state behind this entry */
  readonly state: IndexState
  readonly digest: Buffer
  /** set behind a cut: what the cut left of a record that it divided */
  readonly cut: Divided | undefined
}

export interface Closed {
  readonly kind: 'closed'
  readonly lastCheckpoint: number
  readonly size: number
  readonly sequence: number
  readonly epoch: number
  readonly firstTimestamp: number
  readonly timestamp: number
}

export type IndexEntry =
  | BytesEntry
  | CutEntry
  | Checkpoint
  | Closed
  | { readonly kind: 'file-begin'; readonly epoch: number; readonly begin: FileBegin }
  | { readonly kind: 'epoch-start'; readonly epoch: number }
  | { readonly kind: 'purge'; readonly epoch: number; readonly upTo: string }
  | { readonly kind: 'set'; readonly position: number; readonly encoded: Buffer }
  | { readonly kind: 'cut-done' }

export type RecordEntry = Extract<IndexEntry, { readonly kind: RecordKind }>

/** The state in which a file's first entry is read: nothing but the 4 magic bytes. */
export function firstState(check: number, firstSequence: number): IndexState {
  return {
    check,
    sequence: firstSequence - 1,
    epoch: 0,
    end: 4,
    boundary: 4,
    timestamp: 0,
    firstTimestamp: 0,
  }
}

/** A record's own CRC for the running digest: of its bytes, or of its fields when it has none. */
export interface Encoded {
  readonly bytes: Buffer
  readonly recordCrc: number
}

/**
 * Encodes the entry behind `state`, and moves `state` behind it.
 * @param isSyncedBefore all that is before it in the index is on the disk, and the bytes that it speaks of
 */
export function encodeEntry(entry: IndexEntry, state: IndexState, isSyncedBefore = false): Encoded {
  const writer = new IndexWriter()
  writeTag(writer, entry, { ...state, mark: isSyncedBefore ? SYNCED_BEFORE : 0 })
  const fieldsFrom = writer.size
  writeFields(writer, entry, state)
  const fieldsCrc = writer.crcFrom(fieldsFrom)
  const { bytes, check } = writer.finish(state.check)
  advance(entry, state, check)
  return { bytes, recordCrc: entry.kind === 'bytes' ? entry.crc : fieldsCrc }
}

function writeTag(
  writer: IndexWriter,
  entry: IndexEntry,
  state: { readonly epoch: number; readonly check: number; readonly mark: number },
): void {
  const tag = TAGS[entry.kind] | state.mark
  if (!isRecord(entry)) {
    writer.u8(tag)
    if (entry.kind === 'closed') writer.raw(Buffer.alloc(3))
    if (entry.kind !== 'cut-done') writer.u32(state.check)
    return
  }
  const fresh = entry.epoch !== state.epoch
  writer.u8(fresh ? tag | EPOCH_FOLLOWS : tag)
  if (fresh) writer.varint(entry.epoch)
}

function writeFields(writer: IndexWriter, entry: IndexEntry, state: IndexState): void {
  switch (entry.kind) {
    case 'bytes':
      writer.varint(entry.end - state.end)
      writer.varint(entry.end - entry.boundary)
      writer.zigzag(entry.timestamp - state.timestamp)
      writer.u32(entry.crc)
      return
    case 'file-begin':
      writeBegin(writer, entry.begin)
      return
    case 'cut':
      writer.varint(entry.to)
      writer.varint(entry.start)
      writer.u32(entry.crc)
      return
    case 'purge':
      writer.text(entry.upTo)
      return
    case 'set':
      writer.varint(entry.position)
      writer.block(entry.encoded)
      return
    case 'checkpoint':
      writeCheckpoint(writer, entry)
      return
    case 'closed':
      for (const value of [entry.lastCheckpoint, entry.size, entry.sequence, entry.epoch]) {
        writer.u64(value)
      }
      writer.u32(entry.firstTimestamp)
      writer.u32(entry.timestamp)
      return
    case 'epoch-start':
    case 'cut-done':
      return
  }
}

function writeBegin(writer: IndexWriter, begin: FileBegin): void {
  writer.text(begin.name)
  writer.text(begin.sourceUuid)
  writer.text(begin.sourceFile)
  writer.varint(begin.sourcePosition)
  writer.varint(begin.basePosition)
  writer.u8(begin.purged === undefined ? 0 : 1)
  if (begin.purged !== undefined) writer.block(begin.purged.encode())
}

function writeCheckpoint(writer: IndexWriter, entry: Checkpoint): void {
  const { state } = entry
  writer.varint(entry.previousDistance)
  writer.varint(entry.setDistance)
  writer.varint(state.sequence)
  writer.varint(state.epoch)
  writer.varint(state.end)
  writer.varint(state.boundary)
  writer.varint(state.timestamp)
  writer.varint(state.firstTimestamp)
  writer.raw(entry.digest)
  writer.u8(entry.cut === undefined ? 0 : 1)
  if (entry.cut === undefined) return
  writer.varint(entry.cut.start)
  writer.u32(entry.cut.crc)
}

const TAGS = {
  bytes: Tag.BYTES,
  'file-begin': Tag.FILE_BEGIN,
  'epoch-start': Tag.EPOCH_START,
  cut: Tag.CUT,
  purge: Tag.PURGE,
  set: Tag.SET,
  checkpoint: Tag.CHECKPOINT,
  'cut-done': Tag.CUT_DONE,
  closed: Tag.CLOSED,
} as const satisfies Record<IndexEntry['kind'], number>

export function tagOf(kind: RecordKind): number {
  return TAGS[kind]
}

export function isRecord(entry: IndexEntry): entry is RecordEntry {
  return TAGS[entry.kind] < Tag.SET
}

function advance(entry: IndexEntry, state: IndexState, check: number): void {
  state.check = check
  if (!isRecord(entry)) return
  state.sequence += 1
  state.epoch = entry.epoch
  if (entry.kind === 'cut') {
    state.end = entry.to
    state.boundary = entry.to
  } else if (entry.kind === 'bytes') {
    state.end = entry.end
    state.boundary = entry.boundary
    state.timestamp = entry.timestamp
    if (state.firstTimestamp === 0) state.firstTimestamp = entry.timestamp
  }
}

export interface Decoded {
  readonly entry: IndexEntry
  /** everything before it was synced when it was written */
  readonly isSyncedBefore: boolean
  /** offset of the next entry */
  readonly next: number
  readonly recordCrc: number
}

/**
 * Decodes the entry at `offset` and moves `state` behind it.
 * @throws BadIndexBytes when the bytes end before the entry, or it is not true in this place;
 * `state` is unchanged
 */
export function decodeEntry(bytes: Buffer, offset: number, state: IndexState): Decoded {
  const reader = new IndexReader(bytes, offset)
  const marked = reader.u8()
  const tag = marked & ~SYNCED_BEFORE
  const epoch = tag & EPOCH_FOLLOWS ? reader.varint() : state.epoch
  if ((tag & 0x7f) >= Tag.SET && tag !== Tag.CUT_DONE) {
    if (tag === Tag.CLOSED) reader.raw(3)
    if (reader.u32() !== state.check) throw new BadIndexBytes('wrong predecessor')
  }
  const fieldsFrom = reader.at
  const entry = readFields(reader, tag, { ...state, epoch })
  const fieldsTo = reader.at
  const check = reader.finish(state.check)
  const recordCrc = entry.kind === 'bytes' ? entry.crc : shortCrc32(bytes, fieldsFrom, fieldsTo, 0)
  if (entry.kind === 'checkpoint') entry.state.check = check
  advance(entry, state, check)
  const isSyncedBefore = marked !== tag
  return { entry, next: reader.at, recordCrc, isSyncedBefore }
}

function readFields(reader: IndexReader, tag: number, state: IndexState): IndexEntry {
  const { epoch } = state
  switch (tag & EPOCH_FOLLOWS && tag < Tag.SET + EPOCH_FOLLOWS ? tag & 0x7f : tag) {
    case Tag.BYTES:
      return readBytes(reader, state)
    case Tag.FILE_BEGIN:
      return { kind: 'file-begin', epoch, begin: readBegin(reader) }
    case Tag.EPOCH_START:
      return { kind: 'epoch-start', epoch }
    case Tag.CUT:
      return readCut(reader, state)
    case Tag.PURGE:
      return { kind: 'purge', epoch, upTo: reader.text(NAME_SIZE_MAX) }
    case Tag.SET: {
      const position = reader.varint()
      return { kind: 'set', position, encoded: reader.block(SET_SIZE_MAX) }
    }
    case Tag.CHECKPOINT:
      return readCheckpoint(reader)
    case Tag.CUT_DONE:
      return { kind: 'cut-done' }
    case Tag.CLOSED:
      return readClosed(reader)
    default:
      throw new BadIndexBytes('unknown tag')
  }
}

function readBytes(reader: IndexReader, state: IndexState): BytesEntry {
  const size = reader.varint()
  const behind = reader.varint()
  const timestamp = state.timestamp + reader.zigzag()
  const crc = reader.u32()
  const end = state.end + size
  if (size < 1 || size > RECORD_BYTES_MAX) throw new BadIndexBytes('impossible size')
  if (end - behind < state.boundary) throw new BadIndexBytes('boundary goes back')
  if (timestamp < 0 || timestamp >= 2 ** 32) throw new BadIndexBytes('impossible time')
  return { kind: 'bytes', epoch: state.epoch, end, boundary: end - behind, crc, timestamp }
}

function readCut(reader: IndexReader, state: IndexState): CutEntry {
  const to = reader.varint()
  const start = reader.varint()
  const crc = reader.u32()
  if (to > state.end || to < state.boundary || start > to) throw new BadIndexBytes('impossible cut')
  return { kind: 'cut', epoch: state.epoch, to, start, crc }
}

function readBegin(reader: IndexReader): FileBegin {
  const name = reader.text(NAME_SIZE_MAX)
  const sourceUuid = reader.text(NAME_SIZE_MAX)
  const sourceFile = reader.text(NAME_SIZE_MAX)
  const sourcePosition = reader.varint()
  const basePosition = reader.varint()
  const purged = reader.u8() === 0 ? undefined : decodeSet(reader.block(SET_SIZE_MAX))
  return { name, sourceUuid, sourceFile, sourcePosition, basePosition, purged }
}

function readCheckpoint(reader: IndexReader): Checkpoint {
  const previousDistance = reader.varint()
  const setDistance = reader.varint()
  const state: IndexState = {
    check: 0,
    sequence: reader.varint(),
    epoch: reader.varint(),
    end: reader.varint(),
    boundary: reader.varint(),
    timestamp: reader.varint(),
    firstTimestamp: reader.varint(),
  }
  const digest = Buffer.from(reader.raw(DIGEST_SIZE))
  const cut = reader.u8() === 0 ? undefined : { start: reader.varint(), crc: reader.u32() }
  return { kind: 'checkpoint', previousDistance, setDistance, state, digest, cut }
}

function readClosed(reader: IndexReader): Closed {
  return {
    kind: 'closed',
    lastCheckpoint: reader.u64(),
    size: reader.u64(),
    sequence: reader.u64(),
    epoch: reader.u64(),
    firstTimestamp: reader.u32(),
    timestamp: reader.u32(),
  }
}

/**
 * Decodes a checkpoint or a closing entry that is reached from behind: the check that it goes on
 * from is the one that it repeats. @throws BadIndexBytes
 */
export function decodeDetached(bytes: Buffer): Decoded {
  const reader = new IndexReader(bytes, 0)
  if (reader.u8() === Tag.CLOSED) reader.raw(3)
  return decodeEntry(bytes, 0, firstState(reader.u32(), 1))
}
