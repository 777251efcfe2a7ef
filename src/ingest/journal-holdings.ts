import type { FileBegin, Journal, LastTransaction } from '../journal/index.ts'
import { present } from '../lib/index.ts'
import { checksumMatches, decodeGtidEvent, FIRST_EVENT_POSITION } from '../mysql/index.ts'
import type { FileForm, Holdings, SourcePlace } from '../source/index.ts'

/** What the journal holds, in the source's names and positions; undefined while it holds nothing. */
export async function holdingsOf(journal: Journal): Promise<Holdings | undefined> {
  const { end } = journal
  if (end === undefined) return undefined
  const origin = present(journal.origin, 'the origin of the current file')
  const last = await journal.lastTransaction()
  // A crash may have left less than the head of a file that began inside the source's.
  const position = Math.max(end.position, origin.basePosition)
  return {
    sourceUuid: origin.sourceUuid,
    form: formOf(origin),
    next: sourcePlace(origin, position),
    held: journal.heldGtids(),
    last: last && { place: sourcePlace(origin, last.position), event: last.event },
  }
}

/** A file that has the source's from its first event on, with a head of ours, need not have all of it. */
function formOf({ sourcePosition, basePosition }: FileBegin): FileForm {
  if (sourcePosition === basePosition) return 'mirrored'
  return sourcePosition === FIRST_EVENT_POSITION ? 'selected' : 'moved'
}

/**
 * The source's file that our newest one goes on with when the source selects it again; undefined where another one
 * has to begin: nothing follows a ROTATE or STOP.
 */
export async function openSourceFile(journal: Journal): Promise<SourcePlace['file'] | undefined> {
  const { end, origin } = journal
  if (end === undefined || origin === undefined || formOf(origin) !== 'selected') return undefined
  const last = await journal.lastTransaction()
  const lastEnd = last === undefined ? origin.basePosition : endOf(last)
  return end.boundary <= lastEnd ? origin.sourceFile : undefined
}

/** Where a transaction ends; for ever behind it where it does not say. */
function endOf({ position, event }: LastTransaction): number {
  const checksum = checksumMatches(event) ? 'CRC32' : 'NONE'
  const { transactionLength } = decodeGtidEvent(event, checksum)
  return transactionLength > 0 ? position + transactionLength : Number.POSITIVE_INFINITY
}

/** A position in our file as the place in the source's that it came from, where it is not `selected`. */
function sourcePlace(origin: FileBegin, position: number): SourcePlace {
  return {
    file: origin.sourceFile,
    position: origin.sourcePosition + (position - origin.basePosition),
  }
}
