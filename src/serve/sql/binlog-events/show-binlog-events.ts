import { ProtocolError } from '../../../lib/index.ts'
import {
  type ChecksumAlgorithm,
  type Column,
  decodeFormatDescription,
  EventType,
  eventTypeName,
  FIRST_EVENT_POSITION,
  type Row,
} from '../../../mysql/index.ts'
import type { BinlogFile } from '../../dump/binlog-reader.ts'
import { hasRight } from '../../session/session-state.ts'
import { type Answer, countColumn, nameColumn, shortCountColumn } from '../answer.ts'
import type { Cursor } from '../cursor.ts'
import { type RowLimit, readLimit } from '../row-limit.ts'
import type { Scope } from '../scope.ts'
import { accessDenied, interrupted, SqlError } from '../sql-error.ts'
import { infoOf } from './event-info.ts'
import { EventReader, type ReadEvent } from './event-reader.ts'

/** Rows that are made before the client has to take them, and before others have their turn. */
const PIECE_ROWS_MOST = 200
/** Characters of those rows, one row more or less. */
const PIECE_CHARACTERS_MOST = 256 * 1024

const TEXT_CHARACTERS = 20
const POSITION_DIGITS = 12

/**
 * SHOW BINLOG EVENTS [IN 'file'] [FROM position] [LIMIT [skipped,] count]: the events that are shown to replicas,
 * each read anew and compared with what was stored. What is inside a compressed transaction is not opened.
 */
export async function showBinlogEvents(cursor: Cursor, scope: Scope): Promise<Answer> {
  const wish = readWish(cursor, scope)
  if (!hasRight(scope.session, 'replicate')) throw accessDenied('REPLICATION SLAVE')
  const known = scope.binlogs.files().some(({ name }) => name === wish.file)
  if (!known) throw refused('Could not find target log')
  const file = await scope.binlogs.openFile(wish.file)
  return { kind: 'stream', columns: columns(), pieces: piecesOf(file, wish, scope.beginWait()) }
}

interface Wish {
  readonly file: string
  readonly from: number
  readonly limit: RowLimit
}

function readWish(cursor: Cursor, { binlogs }: Scope): Wish {
  let file = binlogs.files()[0]?.name ?? ''
  if (cursor.takeWord('IN')) {
    if (cursor.token.kind !== 'string') throw cursor.error()
    file = cursor.next().text
  }
  let from = FIRST_EVENT_POSITION
  if (cursor.takeWord('FROM')) {
    if (cursor.token.kind !== 'number') throw cursor.error()
    from = Math.max(FIRST_EVENT_POSITION, Number(cursor.next().text))
  }
  const limit = readLimit(cursor)
  cursor.expectEnd()
  return { file, from, limit }
}

function columns(): Column[] {
  return [
    nameColumn('Log_name', TEXT_CHARACTERS),
    { ...countColumn('Pos'), length: POSITION_DIGITS },
    nameColumn('Event_type', TEXT_CHARACTERS),
    shortCountColumn('Server_id', 11),
    { ...countColumn('End_log_pos'), length: POSITION_DIGITS },
    nameColumn('Info', TEXT_CHARACTERS),
  ]
}

async function* piecesOf(
  file: BinlogFile,
  wish: Wish,
  unwanted: AbortSignal,
): AsyncGenerator<Row[]> {
  try {
    let piece: Row[] = []
    let characters = 0
    for await (const row of rowsOf(file, wish)) {
      piece.push(row)
      characters += row.at(-1)?.length ?? 0
      if (piece.length < PIECE_ROWS_MOST && characters < PIECE_CHARACTERS_MOST) continue
      yield piece
      if (unwanted.aborted) throw interrupted()
      piece = []
      characters = 0
    }
    yield piece
  } finally {
    await file.close()
  }
}

async function* rowsOf(file: BinlogFile, { from, limit }: Wish): AsyncGenerator<Row> {
  const reader = new EventReader(file, FIRST_EVENT_POSITION)
  let checksum: ChecksumAlgorithm = 'CRC32'
  let place = 0
  const end = limit.skipped + limit.count
  while (place < end) {
    // From the first one on, since an event begins where the one before it ends, and nowhere else.
    const event = await nextOf(reader)
    if (event === undefined) break
    if (event.type === EventType.FORMAT_DESCRIPTION) checksum = checksumOf(event)
    if (event.position < from) continue
    if (place >= limit.skipped) yield rowOf(file.name, event, checksum)
    place += 1
  }
}

async function nextOf(reader: EventReader): Promise<ReadEvent | undefined> {
  try {
    return await reader.next()
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    throw refused(`Wrong offset or I/O error (${thrown.message})`)
  }
}

function checksumOf({ bytes }: ReadEvent): ChecksumAlgorithm {
  try {
    return decodeFormatDescription(bytes).checksum
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    return 'CRC32'
  }
}

function rowOf(name: string, event: ReadEvent, checksum: ChecksumAlgorithm): Row {
  return [
    name,
    String(event.position),
    eventTypeName(event.type),
    String(event.serverId),
    String(event.logPos),
    infoOf(event, checksum),
  ]
}

function refused(why: string): SqlError {
  return new SqlError(1220, 'HY000', `Error when executing command SHOW BINLOG EVENTS: ${why}`)
}
