/*
  The head of an index file.

    7      'KINGIDX'
    u8     format version
    u32    size of the head, magic and check included
    text   store id
    varint sequence of the file's first record
    u8     flags: 0x01 the index was made again from the file (its sequences are not the first ones)
    32     running digest before the first record
    block  first contact: GTIDs that count as held and purged although no file has them, of this file
           and all before it; GtidSet's binary form
    u32    CRC-32 of all before; the first entry's check goes on from it
*/
import { ProtocolError } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { BadIndexBytes, IndexReader, IndexWriter } from './index-bytes.ts'

export const INDEX_FORMAT_VERSION = 1
export const DIGEST_SIZE = 32
const MAGIC = Buffer.from('KINGIDX')
export const VERSION_OFFSET = MAGIC.length
/** Where the size of the head ends: so much must be read before the rest can be. */
export const HEAD_PREFIX_SIZE = 12
const STORE_ID_SIZE_MAX = 256
/** Bound of the encoded GTID set in a head or an entry. */
export const SET_SIZE_MAX = 64 * 1024 * 1024
const HEAD_SIZE_MAX = SET_SIZE_MAX + 1024

const FLAG_REBUILT = 0x01

export interface IndexHead {
  readonly storeId: string
  readonly firstSequence: number
  readonly rebuilt: boolean
  readonly digest: Buffer
  readonly contact: GtidSet
}

export function encodeHead(head: IndexHead): { bytes: Buffer; check: number } {
  const rest = new IndexWriter()
  rest.text(head.storeId)
  rest.varint(head.firstSequence)
  rest.u8(head.rebuilt ? FLAG_REBUILT : 0)
  rest.raw(head.digest)
  rest.block(head.contact.encode())
  const size = HEAD_PREFIX_SIZE + rest.size + 4
  const whole = new IndexWriter()
  whole.raw(MAGIC)
  whole.u8(INDEX_FORMAT_VERSION)
  whole.u32(size)
  whole.raw(rest.content())
  return whole.finish(0)
}

/**
 * What the first HEAD_PREFIX_SIZE bytes say. @throws BadIndexBytes when they are no head of an
 * index
 */
export function decodeHeadPrefix(prefix: Buffer): { version: number; size: number } {
  const reader = new IndexReader(prefix, 0)
  if (!reader.raw(MAGIC.length).equals(MAGIC)) throw new BadIndexBytes('not an index')
  const version = reader.u8()
  const size = reader.u32()
  if (size > HEAD_SIZE_MAX) throw new BadIndexBytes('head too long')
  return { version, size }
}

/** @throws BadIndexBytes when the bytes are not a whole, true head of this version */
export function decodeHead(bytes: Buffer): { head: IndexHead; check: number } {
  const { version, size } = decodeHeadPrefix(bytes)
  if (version !== INDEX_FORMAT_VERSION) throw new BadIndexBytes('another version')
  if (size > bytes.length) throw new BadIndexBytes('too short')
  const reader = new IndexReader(bytes.subarray(0, size), 0)
  reader.raw(HEAD_PREFIX_SIZE)
  const storeId = reader.text(STORE_ID_SIZE_MAX)
  const firstSequence = reader.varint()
  const flags = reader.u8()
  const digest = Buffer.from(reader.raw(DIGEST_SIZE))
  const contactBytes = reader.block(SET_SIZE_MAX)
  const check = reader.finish(0)
  if (reader.at !== size) throw new BadIndexBytes('bytes behind the head')
  const contact = decodeSet(contactBytes)
  return {
    head: { storeId, firstSequence, rebuilt: (flags & FLAG_REBUILT) !== 0, digest, contact },
    check,
  }
}

/** @throws BadIndexBytes when the bytes are not a GTID set */
export function decodeSet(bytes: Buffer): GtidSet {
  try {
    return GtidSet.decode(bytes)
  } catch (thrown) {
    if (thrown instanceof ProtocolError) throw new BadIndexBytes('not a GTID set')
    throw thrown
  }
}
