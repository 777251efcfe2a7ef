/*
  Where a dump begins, or why it cannot. Kingbus may lag behind the source that a replica was
  attached to before: what the replica holds and Kingbus has not received yet is waited for and
  never an error; error 1236, on which a replica stops for good, is for what was purged or never
  was.
*/
import { messageOf, OperationalError, present } from '../../lib/index.ts'
import { FIRST_EVENT_POSITION, type Gtid, GtidSet } from '../../mysql/index.ts'
import { compareFileNames, isFileName } from '../../store/index.ts'
import type { DumpError, DumpRequest } from '../dump-request.ts'
import type { BinlogReader } from './binlog-reader.ts'
import { heldByReplica } from './connect-state.ts'
import {
  BEFORE_FIRST_EVENT,
  BEYOND_THE_FILE,
  damagedStart,
  fileNotReceived,
  nothingStored,
  purgedGtids,
  STATE_TOO_OLD,
  UNKNOWN_FILE,
} from './dump-errors.ts'

export interface DumpStart {
  readonly file: string
  /** where the dump says that it begins; 4 for the whole file */
  readonly position: number
  /**
   * transactions between the file's head and here are all held; `position` when nothing is to be
   * jumped
   */
  readonly jumpTo: number
  /** what the replica holds and may meet from here on; undefined when it is not asked */
  readonly held: GtidSet | undefined
  /** of a MariaDB replica that goes by GTIDs: all that it has */
  readonly state?: GtidSet
  /** how FORMAT_DESCRIPTION goes out, as MySQL does it */
  readonly head: 'as stored' | 'no created if held' | 'no created' | 'no log_pos and created'
}

export type FoundStart = DumpStart | { readonly error: DumpError }

export async function findStart(reader: BinlogReader, request: DumpRequest): Promise<FoundStart> {
  if (reader.files().length === 0) return { error: nothingStored() }
  try {
    if (request.connectState !== undefined) return await byState(reader, request.connectState)
    if (request.from !== undefined) return await named(reader, request, request.from)
    return await byGtids(reader, request.held ?? GtidSet.empty())
  } catch (thrown) {
    if (!(thrown instanceof OperationalError)) throw thrown
    // A file may be purged while it is looked at.
    if (thrown.code === 'E_FILE_UNKNOWN') return { error: UNKNOWN_FILE }
    if (thrown.code === 'E_STORE_DAMAGED') return { error: damagedStart(messageOf(thrown)) }
    throw thrown
  }
}

async function named(
  reader: BinlogReader,
  request: DumpRequest,
  from: { readonly file: string; readonly position: number },
): Promise<FoundStart> {
  const files = reader.files()
  const asked = from.file.split('\0', 1)[0] ?? ''
  const file = asked === '' ? files[0] : files.find(({ name }) => name === asked)
  const { position } = from
  if (file === undefined) return { error: unknownFile(asked, present(files.at(-1), 'file').name) }
  if (position < FIRST_EVENT_POSITION) return { error: BEFORE_FIRST_EVENT }
  if (position > file.size && position > FIRST_EVENT_POSITION) {
    if (request.nonBlocking || !file.active) return { error: BEYOND_THE_FILE }
  }
  const { held } = request
  const partial = held === undefined && position > FIRST_EVENT_POSITION
  return {
    file: file.name,
    position,
    jumpTo: position,
    held: held === undefined ? undefined : await mayMeet(reader, held, file.name),
    head: partial ? 'no log_pos and created' : 'as stored',
  }
}

function unknownFile(asked: string, newest: string): DumpError {
  const isAhead = isFileName(asked) && isFileName(newest) && compareFileNames(asked, newest) > 0
  const sameStem = stemOf(asked) === stemOf(newest)
  return isAhead && sameStem ? fileNotReceived(asked, newest) : UNKNOWN_FILE
}

function stemOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.'))
}

async function byState(reader: BinlogReader, state: readonly Gtid[]): Promise<FoundStart> {
  const held = await heldByReplica(reader, state)
  if ('error' in held) return held
  const start = await byGtids(reader, held)
  if ('error' in start) return { error: STATE_TOO_OLD }
  // A replica that has something of the file has met its `created` before; one that has all up to it has not.
  const isNew = (await reader.previousGtids(start.file)).contains(held)
  return { ...start, state: held, head: isNew ? 'as stored' : 'no created' }
}

async function byGtids(reader: BinlogReader, held: GtidSet): Promise<FoundStart> {
  const missing = reader.purged().subtract(held)
  if (!missing.isEmpty) return { error: purgedGtids(held, missing) }
  const place = await reader.findGtidStart(held)
  if (place === undefined) {
    const oldest = present(reader.files()[0], 'the oldest file').name
    return { error: purgedGtids(held, (await reader.previousGtids(oldest)).subtract(held)) }
  }
  return {
    file: place.file,
    position: FIRST_EVENT_POSITION,
    jumpTo: place.position,
    held: await mayMeet(reader, held, place.file),
    head: 'no created if held',
  }
}

/**
 * GTIDs of purged transactions that no file names are held too, and would be looked for in vain.
 */
async function mayMeet(reader: BinlogReader, held: GtidSet, file: string): Promise<GtidSet> {
  const left = held.subtract(await reader.previousGtids(file))
  left.removeAll(reader.purged())
  return left
}
