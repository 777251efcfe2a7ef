import {
  type ChecksumAlgorithm,
  decodeFormatDescription,
  decodeGtidEvent,
  decodeHeartbeat,
  decodePreviousGtids,
  decodeRotate,
  decodeTransactionPayloadHeader,
  EventType,
  eventTypeName,
  formatGtid,
  type GtidEvent,
  isGtidEvent,
  isStandalone,
  QUERY_PREFIX_BYTES,
  queryTextPrefix,
  readEventHeader,
  TransactionTracker,
} from '../../src/mysql/index.ts'

const PLACE_WIDTH = 7

/** One line about an event: place, header, and the fields that Kingbus looks at. */
export function listEvent(place: number, event: Buffer, checksum: ChecksumAlgorithm): string {
  const { type, size, logPos, flags } = readEventHeader(event)
  const line = [
    String(place).padStart(PLACE_WIDTH),
    `${eventTypeName(type)}(${type})`.padEnd(25),
    `size=${size}`.padEnd(11),
    `log_pos=${logPos}`.padEnd(15),
    `flags=${flags.toString(16).padStart(4, '0')}`,
    describe(type, event, checksum),
  ]
  return line.join(' ').trimEnd()
}

function describe(type: number, event: Buffer, checksum: ChecksumAlgorithm): string {
  if (type === EventType.MARIADB_GTID) return describeMariadbGtid(event, checksum)
  if (isGtidEvent(type)) return describeGtid(decodeGtidEvent(event, checksum))
  switch (type) {
    case EventType.FORMAT_DESCRIPTION: {
      const facts = decodeFormatDescription(event)
      const { serverVersion, created, postHeaderLengths } = facts
      const types = postHeaderLengths.length
      return `${serverVersion} created=${created} types=${types} checksum=${facts.checksum}`
    }
    case EventType.PREVIOUS_GTIDS:
    case EventType.MARIADB_GTID_LIST:
      return `'${decodePreviousGtids(event, checksum).toString().replaceAll('\n', ' ')}'`
    case EventType.ROTATE: {
      const { file, position } = decodeRotate(event, checksum)
      return `${file} ${position}`
    }
    case EventType.HEARTBEAT:
    case EventType.HEARTBEAT_V2: {
      const { file, position } = decodeHeartbeat(event, checksum)
      return `${file} ${position}`
    }
    case EventType.QUERY:
      return JSON.stringify(queryText(event, checksum))
    case EventType.TRANSACTION_PAYLOAD: {
      const { compression, payloadSize, ...rest } = decodeTransactionPayloadHeader(event, checksum)
      return `${compression} ${rest.uncompressedSize} as ${payloadSize} from ${rest.payloadOffset}`
    }
    default:
      return ''
  }
}

/** What TransactionTracker wants to see of an event. */
function queryText(event: Buffer, checksum: ChecksumAlgorithm): string {
  const prefix = event.subarray(0, QUERY_PREFIX_BYTES)
  return queryTextPrefix(prefix, event.length, checksum) ?? 'the text lies beyond the prefix'
}

function describeMariadbGtid(event: Buffer, checksum: ChecksumAlgorithm): string {
  const { gtid } = decodeGtidEvent(event, checksum)
  const alone = isStandalone(event) ? ' standalone' : ''
  return `${gtid === undefined ? '' : formatGtid(gtid)}${alone}`
}

function describeGtid(facts: GtidEvent): string {
  const original =
    facts.originalCommitMicros === facts.immediateCommitMicros
      ? ''
      : ` original=${facts.originalCommitMicros}`
  return [
    facts.gtid === undefined ? 'ANONYMOUS' : formatGtid(facts.gtid),
    `length=${facts.transactionLength}`,
    `last_committed=${facts.lastCommitted}`,
    `sequence_number=${facts.sequenceNumber}`,
    `commit=${facts.immediateCommitMicros}${original}`,
  ].join(' ')
}

/** What the tracker says of the event. */
export function track(
  tracker: TransactionTracker,
  event: Buffer,
  checksum: ChecksumAlgorithm,
): string {
  const { type, flags } = readEventHeader(event)
  const text = TransactionTracker.needsQueryText(type) ? queryText(event, checksum) : ''
  const standalone = TransactionTracker.needsStandalone(type) && isStandalone(event)
  return tracker.take(type, flags, text, standalone)
}
