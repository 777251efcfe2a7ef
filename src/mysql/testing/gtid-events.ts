import { encodeEvent } from '../binlog/event.ts'
import { EventType } from '../binlog/event-type.ts'
import type { GtidEvent } from '../binlog/gtid-facts.ts'
import { writeSignedVarint, writeVarint } from '../binlog/varint.ts'
import { type Gtid, UUID_TEXT_SIZE } from '../gtid/gtid.ts'
import { uuidBytes } from '../gtid/uuid-bytes.ts'
import { Writer } from '../wire/writer.ts'

/*
  GTID events as a source writes them, for tests: Kingbus itself only reads them.
*/
const SERVER_VERSION = 90704
const SERVER_ID = 1
const ORIGINAL_FOLLOWS = 1n << 55n

/** A GTID, ANONYMOUS_GTID or GTID_TAGGED as the facts demand, with a checksum. */
export function encodeGtidEvent(facts: GtidEvent): Buffer {
  const { gtid } = facts
  if (gtid !== undefined && tagOf(gtid) !== '') {
    return finish(EventType.GTID_TAGGED, taggedBody(facts, gtid))
  }
  const type = gtid === undefined ? EventType.ANONYMOUS_GTID : EventType.GTID
  return finish(type, plainBody(facts, gtid))
}

function finish(type: number, body: Buffer): Buffer {
  return encodeEvent({
    type,
    timestamp: 0,
    serverId: SERVER_ID,
    logPos: 0,
    flags: 0,
    body,
    checksum: true,
  })
}

function plainBody(facts: GtidEvent, gtid: Gtid | undefined): Buffer {
  const same = facts.immediateCommitMicros === facts.originalCommitMicros
  const writer = new Writer()
    .u8(0)
    .bytes(gtid === undefined ? Buffer.alloc(16) : uuidBytes(uuidOf(gtid)))
    .u64(gtid?.gno ?? 0n)
    .u8(2)
    .u64(BigInt.asUintN(64, facts.lastCommitted))
    .u64(BigInt.asUintN(64, facts.sequenceNumber))
  writeMicros(writer, facts.immediateCommitMicros | (same ? 0n : ORIGINAL_FOLLOWS))
  if (!same) writeMicros(writer, facts.originalCommitMicros)
  return writer.lenenc(facts.transactionLength).u32(SERVER_VERSION).finish()
}

function writeMicros(writer: Writer, value: bigint): void {
  writer.u32(Number(value & 0xffffffffn)).u24(Number(value >> 32n))
}

function taggedBody(facts: GtidEvent, gtid: Gtid): Buffer {
  const fields = taggedFields(facts, gtid)
  // The size counts itself, so it is written longer until it is right.
  for (let size = fields.length; ; size += 1) {
    const writer = new Writer()
    writeVarint(writer, 1n)
    writeVarint(writer, BigInt(size))
    writeVarint(writer, 0n)
    writer.bytes(fields)
    if (writer.size === size) return writer.finish()
  }
}

function taggedFields(facts: GtidEvent, gtid: Gtid): Buffer {
  const writer = new Writer()
  const unsigned = (id: bigint, value: bigint): void => {
    writeVarint(writer, id)
    writeVarint(writer, value)
  }
  const signed = (id: bigint, value: bigint): void => {
    writeVarint(writer, id)
    writeSignedVarint(writer, value)
  }
  unsigned(0n, 0n)
  writeVarint(writer, 1n)
  for (const byte of uuidBytes(uuidOf(gtid))) writeVarint(writer, BigInt(byte))
  signed(2n, gtid.gno)
  unsigned(3n, BigInt(tagOf(gtid).length))
  writer.string(tagOf(gtid))
  signed(4n, facts.lastCommitted)
  signed(5n, facts.sequenceNumber)
  unsigned(6n, facts.immediateCommitMicros)
  if (facts.originalCommitMicros !== facts.immediateCommitMicros) {
    unsigned(7n, facts.originalCommitMicros)
  }
  unsigned(8n, BigInt(facts.transactionLength))
  unsigned(9n, BigInt(SERVER_VERSION))
  return writer.finish()
}

function uuidOf({ origin }: Gtid): string {
  return origin.slice(0, UUID_TEXT_SIZE)
}

function tagOf({ origin }: Gtid): string {
  return origin.slice(UUID_TEXT_SIZE + 1)
}
