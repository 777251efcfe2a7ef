import type { FileBegin, Journal } from '../journal/index.ts'
import { present } from '../lib/index.ts'
import type { Holdings, SourcePlace } from '../source/index.ts'

/** What the journal holds, in the source's names and positions; undefined while it holds nothing. */
export async function holdingsOf(journal: Journal): Promise<Holdings | undefined> {
  const { end } = journal
  if (end === undefined) return undefined
  const origin = present(journal.origin, 'the origin of the current file')
  const last = await journal.lastTransaction()
  const mirrored = isMirrored(origin)
  // A crash may have left less than the head of a file that began inside the source's.
  const position = Math.max(end.position, origin.basePosition)
  return {
    sourceUuid: origin.sourceUuid,
    next: sourcePlace(origin, position),
    relocatedTo: mirrored ? undefined : position,
    held: journal.heldGtids(),
    last:
      last === undefined
        ? undefined
        : { place: sourcePlace(origin, last.position), event: last.event },
  }
}

/** The file is the source's from its first byte on. */
function isMirrored({ sourcePosition, basePosition }: FileBegin): boolean {
  return sourcePosition === basePosition
}

/** A position in our file as the place in the source's that it came from. */
export function sourcePlace(origin: FileBegin, position: number): SourcePlace {
  return {
    file: origin.sourceFile,
    position: origin.sourcePosition + (position - origin.basePosition),
  }
}
