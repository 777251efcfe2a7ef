/*
  A file before the newest that is damaged together with its index. It stays where it is, none of it is read until it
  is repaired, and the others are served. What it leaves to the file behind it is told by what is true of its index,
  and else by that file.
*/
import type { OperationalError } from '../../lib/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { Disk } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import {
  type ReadHead,
  readBegin,
  readClosing,
  readClosingSet,
  readHead,
} from '../index-file/index-scan.ts'
import type { FileBegin } from '../record.ts'
import { StoredFile, type StoredFileFacts } from '../stored-file.ts'
import { readPreviousGtids } from '../walk/previous-gtids.ts'
import type { Before } from './chain.ts'
import type { RecoveryContext } from './file-recovery.ts'
import { tolerate } from './tolerate.ts'

export interface IndexRemains {
  readonly head: ReadHead | undefined
  readonly begin: StoredFileFacts['origin'] | undefined
  readonly closing: ReturnType<typeof readClosing>
  readonly held: GtidSet | undefined
}

/** What is true of an index that is not whole; all of it may be undefined. */
export async function readRemains(disk: Disk, path: string): Promise<IndexRemains> {
  if (!(await disk.exists(path))) {
    return { head: undefined, begin: undefined, closing: undefined, held: undefined }
  }
  const index = await disk.open(path, 'read')
  try {
    const head = readHead(index)
    const closing = readClosing(index)
    return {
      head,
      begin: head && readBegin(index, head),
      closing,
      held: closing && readClosingSet(index, closing),
    }
  } finally {
    await index.close()
  }
}

/** How a file began, as far as its index says so truly. */
export function factsOf({ head, begin }: IndexRemains, fallback: StoredFileFacts): StoredFileFacts {
  const { firstSequence, contact } = head?.head ?? fallback
  const origin = begin?.name === fallback.origin.name ? begin : fallback.origin
  return { origin, firstSequence, contact }
}

/** How a file began of which nothing tells it, behind the one that began so. */
export function originBehind(name: string, before: FileBegin | undefined): FileBegin {
  const sourceUuid = before?.sourceUuid ?? ''
  const positions = { sourcePosition: 4, basePosition: 4 }
  return { name, sourceUuid, sourceFile: name, ...positions, purged: undefined }
}

/**
 * @param following the files behind it, oldest first
 * @throws `damage`, where nobody tells what is held behind it
 */
export async function keepDamaged(
  context: RecoveryContext,
  file: { readonly fallback: StoredFileFacts; readonly following: readonly string[] },
  damage: OperationalError,
): Promise<Before> {
  const { disk, folder, cache } = context
  const { name } = file.fallback.origin
  const remains = await readRemains(disk, `${folder}/${indexNameOf(name)}`)
  const facts = factsOf(remains, file.fallback)
  const held = remains.held ?? (await heldBefore(context, file.following))
  if (held === undefined) throw damage
  tolerate(context, damage)
  tolerate(
    context,
    damaged(indexNameOf(name), 0, 'it is not whole, and cannot be made anew from the file'),
  )
  const stored = new StoredFile(disk, folder, facts, cache)
  const { closing } = remains
  stored.size = closing?.size ?? (await sizeOf(context, name))
  stored.firstTimestamp = closing?.firstTimestamp ?? 0
  stored.lastTimestamp = closing?.timestamp ?? 0
  const lastSequence = closing?.sequence ?? facts.firstSequence
  return { stored, lastSequence, rebuilt: true, held: held.union(facts.contact) }
}

async function heldBefore(
  { disk, folder }: RecoveryContext,
  [next]: readonly string[],
): Promise<GtidSet | undefined> {
  if (next === undefined) return undefined
  const file = await disk.open(`${folder}/${next}`, 'read')
  try {
    const says = await readPreviousGtids(file, file.size())
    return typeof says === 'string' ? undefined : says
  } finally {
    await file.close()
  }
}

/** In bytes, as the disk says. */
export async function sizeOf({ disk, folder }: RecoveryContext, name: string): Promise<number> {
  const file = await disk.open(`${folder}/${name}`, 'read')
  const size = file.size()
  await file.close()
  return size
}
