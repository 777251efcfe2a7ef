/*
  What SHOW BINLOG EVENTS says of an event in its column Info, as MySQL 9.7 words it. What cannot be read, or is of
  a type that MySQL says nothing of, has nothing.
*/
import { ProtocolError } from '../../../lib/index.ts'
import {
  CHECKSUM_SIZE,
  type ChecksumAlgorithm,
  decodeFormatDescription,
  decodeGtidEvent,
  decodePreviousGtids,
  decodeQueryHead,
  decodeRotate,
  decodeRowEventHead,
  decodeTableMapHead,
  decodeTransactionPayloadHeader,
  EVENT_HEADER_SIZE,
  EventFlag,
  EventType,
  formatGtid,
  queryXid,
  Reader,
  rowEventFlagNames,
} from '../../../mysql/index.ts'
import { EVENT_BYTES_MOST, type ReadEvent } from './event-reader.ts'
import { userVariableInfo } from './user-variable.ts'

/** Stands where a longer text was cut off. */
const CUT = '...'
const INTVAR_LAST_INSERT_ID = 1

type Describe = (event: ReadEvent, checksum: ChecksumAlgorithm) => string

export function infoOf(event: ReadEvent, checksum: ChecksumAlgorithm): string {
  try {
    return DESCRIPTIONS.get(event.type)?.(event, checksum) ?? ''
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return ''
    throw thrown
  }
}

function gtid({ bytes }: ReadEvent, checksum: ChecksumAlgorithm): string {
  const { gtid: found } = decodeGtidEvent(bytes, checksum)
  return `SET @@SESSION.GTID_NEXT= '${found === undefined ? 'ANONYMOUS' : formatGtid(found)}'`
}

function query({ bytes, flags }: ReadEvent, checksum: ChecksumAlgorithm): string {
  const { database, text, isWhole } = decodeQueryHead(bytes, checksum, EVENT_BYTES_MOST)
  const names = database !== '' && (flags & EventFlag.SUPPRESS_USE) === 0
  const use = names ? `use \`${database.replaceAll('`', '``')}\`; ` : ''
  const xid = queryXid(bytes)
  return use + text + (isWhole ? '' : CUT) + (xid === undefined ? '' : ` /* xid=${xid} */`)
}

function rows({ bytes }: ReadEvent): string {
  const { tableId } = decodeRowEventHead(bytes)
  const flags = rowEventFlagNames(bytes).map((name) => ` ${name}`)
  return `table_id: ${tableId}${flags.length === 0 ? '' : ` flags:${flags.join('')}`}`
}

function rowsQuery({ bytes, size }: ReadEvent, checksum: ChecksumAlgorithm): string {
  const textEnd = size - (checksum === 'CRC32' ? CHECKSUM_SIZE : 0)
  // The first byte was once its length.
  const text = bytes.toString('utf8', EVENT_HEADER_SIZE + 1, textEnd)
  return `# ${bytes.length < textEnd ? text + CUT : text}`
}

function variable({ bytes }: ReadEvent): string {
  const reader = bodyOf(bytes)
  const name = reader.u8() === INTVAR_LAST_INSERT_ID ? 'LAST_INSERT_ID' : 'INSERT_ID'
  return `${name}=${reader.u64()}`
}

function random({ bytes }: ReadEvent): string {
  const reader = bodyOf(bytes)
  return `rand_seed1=${reader.u64()},rand_seed2=${reader.u64()}`
}

function xaPrepare({ bytes }: ReadEvent): string {
  const reader = bodyOf(bytes)
  const isOnePhase = reader.u8() !== 0
  const formatId = reader.u32()
  const [globalSize, branchSize] = [reader.u32(), reader.u32()]
  const [global, branch] = [reader.bytes(globalSize), reader.bytes(branchSize)]
  const id = `X'${global.toString('hex')}',X'${branch.toString('hex')}',${formatId}`
  return isOnePhase ? `XA COMMIT ${id} ONE PHASE` : `XA PREPARE ${id}`
}

function payload({ bytes }: ReadEvent, checksum: ChecksumAlgorithm): string {
  const { compression, uncompressedSize } = decodeTransactionPayloadHeader(bytes, checksum)
  return `compression='${compression}', decompressed_size=${uncompressedSize} bytes`
}

function tableMap({ bytes }: ReadEvent): string {
  const { tableId, database, table } = decodeTableMapHead(bytes)
  return `table_id: ${tableId} (${database}.${table})`
}

function rotate({ bytes }: ReadEvent, checksum: ChecksumAlgorithm): string {
  const { file, position } = decodeRotate(bytes, checksum)
  return `${file};pos=${position}`
}

function format({ bytes }: ReadEvent): string {
  const { serverVersion, binlogVersion } = decodeFormatDescription(bytes)
  return `Server ver: ${serverVersion}, Binlog ver: ${binlogVersion}`
}

const DESCRIPTIONS: ReadonlyMap<number, Describe> = new Map<number, Describe>([
  [EventType.FORMAT_DESCRIPTION, format],
  [
    EventType.PREVIOUS_GTIDS,
    ({ bytes }, checksum) => decodePreviousGtids(bytes, checksum).toString(),
  ],
  [EventType.GTID, gtid],
  [EventType.ANONYMOUS_GTID, gtid],
  [EventType.GTID_TAGGED, gtid],
  [EventType.QUERY, query],
  [EventType.XID, ({ bytes }) => `COMMIT /* xid=${bodyOf(bytes).u64()} */`],
  [EventType.ROTATE, rotate],
  [EventType.TABLE_MAP, tableMap],
  [EventType.WRITE_ROWS_V1, rows],
  [EventType.UPDATE_ROWS_V1, rows],
  [EventType.DELETE_ROWS_V1, rows],
  [EventType.WRITE_ROWS, rows],
  [EventType.UPDATE_ROWS, rows],
  [EventType.DELETE_ROWS, rows],
  [EventType.PARTIAL_UPDATE_ROWS, rows],
  [EventType.ROWS_QUERY, rowsQuery],
  [EventType.INTVAR, variable],
  [EventType.RAND, random],
  [EventType.USER_VAR, ({ bytes }) => userVariableInfo(bodyOf(bytes))],
  [EventType.XA_PREPARE, xaPrepare],
  [EventType.TRANSACTION_PAYLOAD, payload],
])

function bodyOf(bytes: Buffer): Reader {
  return new Reader(bytes, EVENT_HEADER_SIZE)
}
