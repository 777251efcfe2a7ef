/*
  `origin.json` beside the files: a copy of how the newest file began, for the case that its index is lost.
  The file itself does not tell whose it is, nor what was held and purged when the source was first
  met.
*/
import { decodeCheckedJson, encodeCheckedJson } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { Disk } from '../../platform/index.ts'
import type { FileBegin } from '../record.ts'
import type { StoredFileFacts } from '../stored-file.ts'

const NAME = 'origin.json'

export interface OriginCopy {
  readonly origin: FileBegin
  readonly contact: GtidSet
}

export async function writeOriginCopy(
  disk: Disk,
  folder: string,
  { origin, contact }: StoredFileFacts,
): Promise<void> {
  const value = {
    ...origin,
    purged: origin.purged?.toString(),
    contact: contact.toString(),
  }
  const path = `${folder}/${NAME}`
  await disk.replaceFile(path, encodeCheckedJson(value))
}

/** Undefined when there is none, or it is not readable: it is only a copy. */
export async function readOriginCopy(disk: Disk, folder: string): Promise<OriginCopy | undefined> {
  const path = `${folder}/${NAME}`
  if (!(await disk.exists(path))) return undefined
  try {
    return parse(decodeCheckedJson((await disk.readFile(path)).toString('utf8')))
  } catch {
    return undefined
  }
}

type Fields = Readonly<Record<string, unknown>>

function parse(fields: Fields): OriginCopy | undefined {
  const { name, sourceUuid, sourceFile, sourcePosition, basePosition, purged, contact } = fields
  if (typeof name !== 'string' || typeof sourceUuid !== 'string') return undefined
  if (typeof sourceFile !== 'string' || typeof sourcePosition !== 'number') return undefined
  if (typeof basePosition !== 'number' || typeof contact !== 'string') return undefined
  const purgedSet = typeof purged === 'string' ? GtidSet.parse(purged) : undefined
  const origin = { name, sourceUuid, sourceFile, sourcePosition, basePosition, purged: purgedSet }
  return { origin, contact: GtidSet.parse(contact) }
}
