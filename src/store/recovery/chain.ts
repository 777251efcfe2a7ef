import type { GtidSet } from '../../mysql/index.ts'
import type { StoredFile } from '../stored-file.ts'

/** What a file leaves to the one after it. */
export interface Before {
  readonly stored: StoredFile
  readonly lastSequence: number
  readonly rebuilt: boolean
  /** GTIDs of everything up to its end, first contact included */
  readonly held: GtidSet
}

export interface ChainLink {
  /** the file before */
  readonly previous: string
  /** GTIDs of everything up to its end, first contact included, and that alone */
  readonly held: GtidSet
  readonly contactBefore: GtidSet
  /** first contact up to the file that follows */
  readonly contact: GtidSet
}

/**
 * What is wrong with the PREVIOUS_GTIDS of a file behind another one. Compared are the transactions
 * of the files before, never the purged set, which may hold GTIDs that no file names.
 */
export function previousGtidsFault(says: GtidSet, link: ChainLink): string | undefined {
  const { previous, held, contactBefore, contact } = link
  const lost = says.subtract(held.union(contact))
  const extra = held.subtract(contactBefore).subtract(says)
  const wrong = [lost, extra].find((set) => !set.isEmpty)
  if (wrong === undefined) return undefined
  const what =
    wrong === lost
      ? `its PREVIOUS_GTIDS names ${lost.toString()}, which no file up to ${previous} has`
      : `its PREVIOUS_GTIDS lacks ${extra.toString()}, which the files up to ${previous} have`
  return `${what}; bring back the file that is missing`
}

export function sequenceFault(previous: string, gap: number): string {
  return `it does not follow ${previous}: ${gap} records are missing between them`
}
