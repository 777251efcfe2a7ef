import { ProtocolError } from '../../lib/index.ts'
import { checkGno, type Gtid, isCanonicalTag, originOf, TAG_SIZE_MOST } from '../gtid/gtid.ts'
import { UUID_SIZE, uuidText } from '../gtid/uuid-bytes.ts'
import type { Reader } from '../wire/reader.ts'
import type { GtidEvent } from './gtid-facts.ts'
import { readSignedVarint, readVarint, readVarintNumber } from './varint.ts'

/*
  GTID_TAGGED (42), the first event of a transaction whose GTID has a tag; all numbers are varints

    19  version                       1
        size                          of the body, from the version to the checksum
        last field not to be skipped  a reader that does not know a field up to this id must give up
        fields, each its id and value, ids ascending
           0 flags                    1 uuid: 16 varints, one for each byte
           2 gno, signed              3 tag: size, bytes
           4 last_committed, signed   5 sequence_number, signed
           6 immediate_commit         7 original_commit, left out when equal
           8 transaction_length       9 server version
          10 original server version  11 commit group ticket
*/
const VERSION = 1n
const BYTE_MOST = 255
const FIELD_UUID = 1
const FIELD_GNO = 2
const FIELD_TAG = 3
const FIELD_LAST_COMMITTED = 4
const FIELD_SEQUENCE_NUMBER = 5
const FIELD_IMMEDIATE_COMMIT = 6
const FIELD_ORIGINAL_COMMIT = 7
const FIELD_TRANSACTION_LENGTH = 8
const FIELD_LAST_KNOWN = 11

interface Fields {
  uuid?: string
  gno?: bigint
  tag?: string
  lastCommitted?: bigint
  sequenceNumber?: bigint
  immediateCommitMicros?: bigint
  originalCommitMicros?: bigint
  transactionLength?: number
}

const scratch = Buffer.alloc(UUID_SIZE)

/** Reads the event's body, which `reader` holds from its first byte to its last. */
export function decodeGtidTaggedBody(reader: Reader): GtidEvent {
  const bodySize = reader.remaining
  const version = readVarint(reader)
  if (version !== VERSION) throw new ProtocolError(`GTID_TAGGED version ${version} is not 1`)
  const size = readVarintNumber(reader, 'GTID_TAGGED size')
  if (size !== bodySize) {
    throw new ProtocolError(`GTID_TAGGED says ${size} bytes but its body has ${bodySize}`)
  }
  const lastNeeded = readVarintNumber(reader, 'GTID_TAGGED last field')
  const fields: Fields = {}
  let previous = -1
  while (reader.remaining > 0) {
    const id = readVarintNumber(reader, 'GTID_TAGGED field id')
    if (id <= previous) throw new ProtocolError(`GTID_TAGGED field ${id} after ${previous}`)
    if (id > FIELD_LAST_KNOWN) {
      // Nothing tells the size of an unknown field; those that may be skipped stand at the end.
      if (lastNeeded > FIELD_LAST_KNOWN) throw new ProtocolError(`unknown GTID_TAGGED field ${id}`)
      break
    }
    readField(reader, id, fields)
    previous = id
  }
  return finish(fields)
}

function readField(reader: Reader, id: number, fields: Fields): void {
  switch (id) {
    case FIELD_UUID:
      fields.uuid = readUuid(reader)
      break
    case FIELD_GNO:
      fields.gno = readSignedVarint(reader)
      break
    case FIELD_TAG:
      fields.tag = readTag(reader)
      break
    case FIELD_LAST_COMMITTED:
      fields.lastCommitted = readSignedVarint(reader)
      break
    case FIELD_SEQUENCE_NUMBER:
      fields.sequenceNumber = readSignedVarint(reader)
      break
    case FIELD_IMMEDIATE_COMMIT:
      fields.immediateCommitMicros = readVarint(reader)
      break
    case FIELD_ORIGINAL_COMMIT:
      fields.originalCommitMicros = readVarint(reader)
      break
    case FIELD_TRANSACTION_LENGTH:
      fields.transactionLength = readVarintNumber(reader, 'transaction length')
      break
    default:
      readVarint(reader)
  }
}

function finish(fields: Fields): GtidEvent {
  const { uuid, gno, tag } = fields
  if (uuid === undefined || gno === undefined || tag === undefined) {
    throw new ProtocolError('a GTID_TAGGED without uuid, gno or tag')
  }
  const gtid: Gtid = { origin: originOf(uuid, tag), gno: checkGno(gno) }
  const immediateCommitMicros = fields.immediateCommitMicros ?? 0n
  return {
    gtid,
    transactionLength: fields.transactionLength ?? 0,
    lastCommitted: fields.lastCommitted ?? 0n,
    sequenceNumber: fields.sequenceNumber ?? 0n,
    immediateCommitMicros,
    originalCommitMicros: fields.originalCommitMicros ?? immediateCommitMicros,
  }
}

function readUuid(reader: Reader): string {
  for (let index = 0; index < UUID_SIZE; index += 1) {
    const value = readVarintNumber(reader, 'uuid byte')
    if (value > BYTE_MOST) throw new ProtocolError(`uuid byte ${value} is beyond 255`)
    scratch[index] = value
  }
  return uuidText(scratch, 0)
}

function readTag(reader: Reader): string {
  const size = readVarintNumber(reader, 'tag size')
  if (size > TAG_SIZE_MOST)
    throw new ProtocolError(`tag of ${size} bytes is beyond ${TAG_SIZE_MOST}`)
  const tag = reader.bytes(size).toString('latin1').toLowerCase()
  if (!isCanonicalTag(tag)) throw new ProtocolError('a tag has characters that no tag has')
  return tag
}
