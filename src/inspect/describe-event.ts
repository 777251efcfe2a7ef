/*
  The facts of an event that people look for, by its type. Whatever cannot be read is left out: whether the
  event is true is for the walk to say.
*/
import { ProtocolError } from '../lib/index.ts'
import {
  CHECKSUM_SIZE,
  type ChecksumAlgorithm,
  decodeFormatDescription,
  decodePreviousGtids,
  decodeQueryHead,
  decodeRotate,
  decodeRowEventHead,
  decodeTableMapHead,
  decodeTransactionPayloadHeader,
  EVENT_HEADER_SIZE,
  EventType,
  formatGtid,
  type GtidEvent,
  isGtidEvent,
  Reader,
} from '../mysql/index.ts'

/** Field by field what `--json` shows; documented in docs/guides/looking-into-files.md. */
export type Details = Readonly<Record<string, string | number | boolean>>

export interface EventBytes {
  readonly type: number
  /** its first bytes */
  readonly prefix: Buffer
  readonly checksum: ChecksumAlgorithm
  /** a copy of the whole; undefined inside a payload */
  readonly whole: (() => Buffer) | undefined
  /** of a GTID event, when it could be read */
  readonly gtid: GtidEvent | undefined
}

const TEXT_BYTES_MOST = 160
const INTVAR_LAST_INSERT_ID = 1
const ROW_EVENTS: ReadonlySet<number> = new Set([
  EventType.WRITE_ROWS_V1,
  EventType.UPDATE_ROWS_V1,
  EventType.DELETE_ROWS_V1,
  EventType.WRITE_ROWS,
  EventType.UPDATE_ROWS,
  EventType.DELETE_ROWS,
  EventType.PARTIAL_UPDATE_ROWS,
])

export function describeEvent(event: EventBytes): Details {
  try {
    if (isGtidEvent(event.type)) return event.gtid === undefined ? {} : gtidDetails(event.gtid)
    if (ROW_EVENTS.has(event.type)) return { ...decodeRowEventHead(event.prefix) }
    return DESCRIBERS[event.type]?.(event) ?? {}
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return {}
    throw thrown
  }
}

function gtidDetails(facts: GtidEvent): Details {
  const { gtid, immediateCommitMicros, originalCommitMicros } = facts
  return {
    gtid: gtid === undefined ? 'ANONYMOUS' : formatGtid(gtid),
    transactionLength: facts.transactionLength,
    lastCommitted: Number(facts.lastCommitted),
    sequenceNumber: Number(facts.sequenceNumber),
    commitTime: timeOfMicros(immediateCommitMicros),
    ...(originalCommitMicros === immediateCommitMicros
      ? {}
      : { originalCommitTime: timeOfMicros(originalCommitMicros) }),
  }
}

function previousGtidsDetails({ whole, checksum }: EventBytes): Details {
  return whole === undefined ? {} : { gtids: decodePreviousGtids(whole(), checksum).toString() }
}

/** ISO 8601 with microseconds; '' for 0, which says that nobody knows. */
export function timeOfMicros(micros: bigint): string {
  if (micros === 0n) return ''
  const seconds = new Date(Number(micros / 1000n)).toISOString().slice(0, 20)
  return `${seconds}${String(micros % 1_000_000n).padStart(6, '0')}Z`
}

const DESCRIBERS: Readonly<Record<number, (event: EventBytes) => Details>> = {
  [EventType.FORMAT_DESCRIPTION]: ({ whole }) => {
    if (whole === undefined) return {}
    const { serverVersion, created, checksum, binlogVersion } = decodeFormatDescription(whole())
    return { serverVersion, binlogVersion, created, checksum }
  },
  [EventType.PREVIOUS_GTIDS]: previousGtidsDetails,
  [EventType.MARIADB_GTID_LIST]: previousGtidsDetails,
  [EventType.ROTATE]: ({ whole, checksum }) => {
    if (whole === undefined) return {}
    const { file, position } = decodeRotate(whole(), checksum)
    return { nextFile: file, nextPosition: Number(position) }
  },
  [EventType.QUERY]: ({ prefix, checksum }) => {
    const { database, text, isWhole } = decodeQueryHead(prefix, checksum, TEXT_BYTES_MOST)
    return { database, query: text, isWhole }
  },
  [EventType.ROWS_QUERY]: (event) => textDetails(event, EVENT_HEADER_SIZE + 1),
  [EventType.MARIADB_ANNOTATE_ROWS]: (event) => textDetails(event, EVENT_HEADER_SIZE),
  [EventType.INTVAR]: ({ prefix }) => {
    const reader = bodyOf(prefix)
    const name = reader.u8() === INTVAR_LAST_INSERT_ID ? 'LAST_INSERT_ID' : 'INSERT_ID'
    return { name, value: String(reader.u64()) }
  },
  [EventType.RAND]: ({ prefix }) => {
    const reader = bodyOf(prefix)
    return { seed1: String(reader.u64()), seed2: String(reader.u64()) }
  },
  [EventType.USER_VAR]: ({ prefix }) => {
    const reader = bodyOf(prefix)
    return { name: `@${reader.bytes(reader.u32()).toString('utf8')}`, isNull: reader.u8() !== 0 }
  },
  [EventType.TABLE_MAP]: ({ prefix }) => ({ ...decodeTableMapHead(prefix) }),
  [EventType.XID]: ({ prefix }) => ({ xid: Number(bodyOf(prefix).u64()) }),
  [EventType.XA_PREPARE]: ({ prefix }) => {
    const reader = bodyOf(prefix)
    const onePhase = reader.u8() !== 0
    const formatId = reader.u32()
    const [globalSize, branchSize] = [reader.u32(), reader.u32()]
    const [global, branch] = [reader.bytes(globalSize), reader.bytes(branchSize)]
    return {
      xid: `X'${global.toString('hex')}',X'${branch.toString('hex')}',${formatId}`,
      onePhase,
    }
  },
  [EventType.INCIDENT]: ({ prefix }) => {
    const reader = bodyOf(prefix)
    return { incident: reader.u16(), message: reader.bytes(reader.u8()).toString('utf8') }
  },
  [EventType.TRANSACTION_PAYLOAD]: ({ prefix, checksum }) => {
    const header = decodeTransactionPayloadHeader(prefix, checksum)
    const { compression, payloadSize, uncompressedSize } = header
    return { compression: String(compression), payloadSize, uncompressedSize }
  },
  [EventType.MARIADB_GTID]: ({ prefix }) => {
    const reader = bodyOf(prefix)
    const number = reader.u64()
    return { gtid: `${reader.u32()}-${prefix.readUInt32LE(5)}-${number}` }
  },
}

function bodyOf(prefix: Buffer): Reader {
  return new Reader(prefix, EVENT_HEADER_SIZE)
}

function textDetails({ prefix, checksum }: EventBytes, from: number): Details {
  const textEnd = prefix.readUInt32LE(9) - (checksum === 'CRC32' ? CHECKSUM_SIZE : 0)
  const end = Math.min(prefix.length, textEnd, from + TEXT_BYTES_MOST)
  return { query: prefix.toString('utf8', from, end), isWhole: end >= textEnd }
}
