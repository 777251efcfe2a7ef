/*
  The index that another node has of the same file becomes ours: with the id of our store, and only where its records
  are those between our other files.
*/
import type { OperationalError } from '../../lib/index.ts'
import type { Disk } from '../../platform/index.ts'
import { openIfThere } from '../check/digest-points.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import type { HeldFile } from '../held-file.ts'
import { ExtentsCache } from '../index-file/extents.ts'
import { type IndexChain, IndexRewrite } from '../index-file/index-rewrite.ts'
import { readClosing, readClosingCheckpoint, readHead } from '../index-file/index-scan.ts'
import { IndexWalk } from '../index-file/index-walk.ts'
import { theirs, type Workshop } from '../recovery/workshop.ts'

const REMEDY = 'ask another node'
const RECORDS_CACHED = 1

/** undefined for one that is not there */
export interface Neighbours {
  readonly before: string | undefined
  readonly after: string | undefined
}

interface TakeOverOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly storeId: string
  readonly name: string
  readonly file: Pick<HeldFile, 'facts'>
  readonly neighbours: () => Neighbours
}

/** @throws OperationalError E_STORE_DAMAGED when it is not true, or not that of these records; E_DISK_FULL */
export async function takeOver(options: TakeOverOptions, shop: Workshop): Promise<void> {
  const { disk, folder, storeId, name, file, neighbours } = options
  const index = await disk.open(shop.pathOf(theirs(name)), 'read')
  try {
    const walk = IndexWalk.open(index)
    if (walk === undefined) throw notOurs(name, 'it lacks its head')
    const start = { sequence: walk.head.firstSequence - 1, digest: walk.head.digest }
    const context = { disk, folder: shop.folder, storeId, cache: new ExtentsCache(RECORDS_CACHED) }
    const rewrite = new IndexRewrite(name, walk, REMEDY)
    const end = await rewrite.run(context, { size: index.size(), start })
    const { before, after } = neighbours()
    const goesOnFrom = before === undefined ? undefined : await endOf(disk, folder, before)
    const goesOn = after === undefined ? undefined : await startOf(disk, folder, after)
    const isOurs =
      start.sequence === file.facts.firstSequence - 1 &&
      (goesOnFrom === undefined || isSame(start, goesOnFrom)) &&
      (goesOn === undefined || isSame(end, goesOn))
    if (!isOurs) throw notOurs(name, 'its records are not those between our other files')
  } finally {
    await index.close()
  }
}

function notOurs(name: string, what: string): OperationalError {
  return damaged(indexNameOf(name), 0, what)
}

const isSame = (one: IndexChain, other: IndexChain): boolean =>
  one.sequence === other.sequence && one.digest.equals(other.digest)

/** What the records of a closed file end with; undefined where its index does not say so truly. */
async function endOf(disk: Disk, folder: string, name: string): Promise<IndexChain | undefined> {
  const index = await openIfThere(disk, `${folder}/${indexNameOf(name)}`)
  if (index === undefined) return undefined
  try {
    const closing = readClosing(index)
    const checkpoint = closing && readClosingCheckpoint(index, closing)
    return closing && checkpoint && { sequence: closing.sequence, digest: checkpoint.digest }
  } finally {
    await index.close()
  }
}

/** What the records of a file go on from. */
async function startOf(disk: Disk, folder: string, name: string): Promise<IndexChain | undefined> {
  const index = await openIfThere(disk, `${folder}/${indexNameOf(name)}`)
  if (index === undefined) return undefined
  try {
    const { firstSequence, digest } = readHead(index)?.head ?? {}
    return firstSequence === undefined || digest === undefined
      ? undefined
      : { sequence: firstSequence - 1, digest }
  } finally {
    await index.close()
  }
}
