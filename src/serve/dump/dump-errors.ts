/*
  What a dump that cannot go on says, in MySQL's exact words. A replica stops for good on 1236, and
  comes back by itself after any other code: so 1236 is only for what waiting cannot mend.
*/
import type { GtidSet } from '../../mysql/index.ts'
import type { Position } from '../../store/index.ts'
import type { DumpError } from '../dump-request.ts'

/** MySQL cuts its messages off here. */
const MESSAGE_BYTES_MAX = 511

const fatal = (message: string): DumpError => ({ code: 1236, sqlState: 'HY000', message })
const comeBack = (message: string): DumpError => ({ code: 1105, sqlState: 'HY000', message })

/** What MySQL adds once a file was open: where the dump began, and the event it stands at. */
function withPlace(text: string, asked: Position, at: Position): DumpError {
  const path = `./${at.file}`
  return fatal(
    `${text}; the first event '${asked.file}' at ${asked.position}, the last event read from ` +
      `'${path}' at ${at.position}, the last byte read from '${path}' at ${at.position}.`,
  )
}

export const UNKNOWN_FILE = fatal('Could not find first log file name in binary log index file')
export const NEXT_FILE_GONE = fatal('could not find next log')
export const BEFORE_FIRST_EVENT = fatal(
  'Client requested source to start replication from position < 4',
)
export const BEYOND_THE_FILE = fatal(
  'Client requested source to start replication from position > file size',
)

export function nothingStored(): DumpError {
  return comeBack('Kingbus has not received any binary log from its source yet')
}

/** The replica was attached to the source before, and Kingbus is a file behind. */
export function fileNotReceived(asked: string, newest: string): DumpError {
  return comeBack(
    `Kingbus has not received binary log '${asked}' yet; its newest one is '${newest}'`,
  )
}

/** The same of a MariaDB replica's GTID; it knows no error for which it would wait and ask again sooner. */
export function gtidNotReceived(gtid: string, known: string): DumpError {
  return comeBack(`Kingbus has not received GTID ${gtid} yet; of its domain it has ${known}`)
}

export function gtidNotInBinlog(gtid: string): DumpError {
  return fatal(
    `Error: connecting slave requested to start from GTID ${gtid}, which is not in the master's ` +
      "binlog. Since the master's binlog contains GTIDs with higher sequence numbers, it probably " +
      'means that the slave has diverged due to executing extra erroneous transactions',
  )
}

export const STATE_TOO_OLD = fatal(
  'Could not find GTID state requested by slave in any binlog files. Probably the slave state is ' +
    'too old and required binlog files have been purged.',
)

const PURGED =
  'Cannot replicate because the source purged required binary logs. Replicate the missing ' +
  'transactions from elsewhere, or provision a new replica from backup. Consider increasing the ' +
  "source's binary log expiration period. "

/** The operator repairs the files; until then another node may serve the replica. */
export function damagedStart(what: string): DumpError {
  return comeBack(`Kingbus cannot find where this dump begins: ${what}`)
}

export function purgedGtids(held: GtidSet, missing: GtidSet): DumpError {
  const sets =
    `The GTID set sent by the replica is '${held.toString()}', and the missing transactions are ` +
    `'${missing.toString()}'`
  if (PURGED.length + sets.length <= MESSAGE_BYTES_MAX) return fatal(PURGED + sets)
  const tooLong =
    'The GTID sets and the missing purged transactions are too long to print in this message. ' +
    "For more information, please see the source's error log or the manual for GTID_SUBTRACT"
  return fatal(PURGED + tooLong)
}

/** MySQL's text is longer, and cut off by it at just this place. */
export const MORE_THAN_THE_SOURCE = fatal(
  "Replica has more GTIDs than the source has, using the source's SERVER_UUID. This may indicate " +
    'that the the last binary log file was truncated or lost, e.g., after a power failure when ' +
    'sync_binlog != 1. The source may have rolled back transactions that were already replicated to ' +
    'the replica. Replicate any transactions that source has rolled back from replica to source, ' +
    'and/or commit empty transactions on source to account for transactions that have been ' +
    'committed on source but are not included in GTID_EXECU',
)

export function insideAnEvent(asked: Position, at: Position): DumpError {
  const text = 'binlog truncated in the middle of event; consider out of disk space on source'
  return withPlace(text, asked, at)
}

export function damagedEvent(asked: Position, at: Position): DumpError {
  return withPlace('event read from binlog did not pass crc check', asked, at)
}

export function bogusEvent(asked: Position, at: Position): DumpError {
  return withPlace('bogus data in log event', asked, at)
}

export function checksumUnaware(asked: Position, at: Position): DumpError {
  const text =
    'Replica can not handle replication events with the checksum that source is configured to log'
  return withPlace(text, asked, at)
}

export function replacedByAnother(asked: Position, at: Position): DumpError {
  const text =
    'A replica with the same server_uuid/server_id as this replica has connected to the source'
  return withPlace(text, asked, at)
}
