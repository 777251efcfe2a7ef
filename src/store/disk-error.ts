import { isDiskFull, messageOf, OperationalError, systemCodeOf } from '../lib/index.ts'

const SYNCS: readonly unknown[] = ['fdatasync', 'fsync']

/** True for a sync that failed behind a write that did not: it is never done again, whatever it says. */
export function isSyncFailure(thrown: unknown): boolean {
  return thrown instanceof Error && 'syscall' in thrown && SYNCS.includes(thrown.syscall)
}

/** True for a write that found no room: nothing was done, and it may be done again. */
export function hasFoundNoRoom(thrown: unknown): boolean {
  return isDiskFull(thrown) && !isSyncFailure(thrown)
}

/** What is told of a disk that has no room: nothing was lost, and it may be tried again. */
export function diskFull(path: string, thrown: unknown): OperationalError {
  const message = `no room on the disk for ${path}; make room, or let retention take less`
  return new OperationalError('E_DISK_FULL', message, { path }, { cause: thrown })
}

/**
 * What is told of a write or sync that went wrong: nobody knows what is on the disk until it is
 * read again.
 */
export function writeFailed(path: string, thrown: unknown): OperationalError {
  const message =
    `${path} could not be written (${messageOf(thrown)}): check the disk; what was not durable is given up, and all ` +
    'goes on from what was as soon as the disk takes it, which is tried again and again'
  return new OperationalError('E_STORE_WRITE', message, { path }, { cause: thrown })
}

/** What is told of a write that the disk refuses; anything else that was thrown stays what it is. */
export function writeRefused(path: string, thrown: unknown): unknown {
  if (thrown instanceof OperationalError || systemCodeOf(thrown) === undefined) return thrown
  return hasFoundNoRoom(thrown) ? diskFull(path, thrown) : writeFailed(path, thrown)
}

/** What is told of a store that cannot be read anew behind a failure: where the disk refuses, it may be tried again. */
export function reopenRefused(path: string, thrown: unknown): unknown {
  const cause = refusalOf(thrown)
  return cause === undefined ? thrown : writeRefused(path, cause)
}

/**
 * What is told of the end of the newest file, which is gone on from, where the disk does not give it: nothing says that
 * it is damaged, and it is written to as little as one that refuses a write.
 */
export function endRefused(path: string, thrown: unknown): unknown {
  return notGiven(path, 'its end', thrown)
}

/** The same of a small file that is needed before anything is gone on with. */
export function smallFileRefused(path: string, thrown: unknown): unknown {
  return notGiven(path, 'it', thrown)
}

function notGiven(path: string, what: string, thrown: unknown): unknown {
  const cause = refusalOf(thrown)
  if (cause === undefined) return thrown
  const message =
    `${path} cannot be gone on with, as ${what} cannot be read (${messageOf(cause)}): check the disk; all goes on ` +
    'as soon as the disk gives it, which is tried again and again'
  return new OperationalError('E_STORE_WRITE', message, { path }, { cause })
}

/**
 * True for what is told of a failed write or sync, or of a file that is needed and cannot be read: nothing is written
 * until the files were read anew.
 */
export function isWriteFailure(thrown: unknown): thrown is OperationalError {
  return thrown instanceof OperationalError && thrown.code === 'E_STORE_WRITE'
}

/** What the system has said, behind a read that was told of as damage, too; undefined where it has said nothing. */
function refusalOf(thrown: unknown): unknown {
  const isRead = thrown instanceof OperationalError && thrown.code === 'E_STORE_DAMAGED'
  const cause = isRead ? thrown.cause : thrown
  if (cause instanceof OperationalError) return undefined
  return systemCodeOf(cause) === undefined ? undefined : cause
}

/** What is told of a byte in our files that is not the byte that was stored. */
export function damaged(file: string, position: number, what: string): OperationalError {
  const message = `${file} is damaged at position ${position}: ${what}`
  return new OperationalError('E_STORE_DAMAGED', message, { file, position })
}

/** What is told of a read that the disk refuses; anything else that was thrown stays what it is. */
export function readFailed(file: string, position: number, thrown: unknown): unknown {
  if (thrown instanceof OperationalError || systemCodeOf(thrown) === undefined) return thrown
  const message = `${file} cannot be read at position ${position}: ${messageOf(thrown)}; check the disk`
  return new OperationalError('E_STORE_DAMAGED', message, { file, position }, { cause: thrown })
}
