/*
  The files of a single node as the beginning of a replicated log. What differs is in the indexes alone: where their
  checkpoints stand, and so the running digests. All of them are made beside the old ones first and then take their
  places; `log.json` is written last, and without it a start does it all again. An index whose sequences are not those
  that it had is marked as one that was made anew, so that a crash between two of them leaves no gap that is damage.
*/

import { OperationalError } from '../../lib/index.ts'
import type { Disk } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf, isIndexName } from '../file-name.ts'
import { HeldFiles } from '../held-files.ts'
import { type IndexChain, IndexRewrite } from '../index-file/index-rewrite.ts'
import { IndexWalk } from '../index-file/index-walk.ts'
import type { RecoveryContext } from '../recovery/file-recovery.ts'
import { recoverFolder } from '../recovery/folder-recovery.ts'
import type { StoredFile } from '../stored-file.ts'
import { EMPTY_LOG, type LogFacts, writeLogFacts } from './log-facts.ts'

const PLACE = 'adopted'
const REMEDY = 'remove it and start without a cluster: it is made anew'

/**
 * What the log of a folder without `log.json` is: an empty one, or that of a single node.
 * @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT
 */
export async function adoptStore(context: RecoveryContext): Promise<LogFacts> {
  const { disk, folder } = context
  const { files, last } = await recoverSingle(context)
  let facts = EMPTY_LOG
  if (last !== undefined) {
    const place = `${folder}/${PLACE}`
    await disk.makeFolder(place)
    for (const left of await disk.list(place)) await disk.remove(`${place}/${left}`)
    facts = await rewriteAll(context, files, place)
    for (const { name } of files)
      await disk.rename(`${place}/${indexNameOf(name)}`, `${folder}/${indexNameOf(name)}`)
    await disk.syncFolder(place)
    await disk.syncFolder(folder)
    context.logger.info({ files: files.length }, 'the files of a single node are a log from now on')
  }
  await writeLogFacts(disk, folder, facts)
  return facts
}

/** As the single node would open it; what it holds is whole and durable then. */
async function recoverSingle(
  context: RecoveryContext,
): Promise<{ readonly files: readonly StoredFile[]; readonly last: StoredFile | undefined }> {
  await checkAlone(context)
  // What is damaged is repaired by the single node, which knows it: a log is made of true indexes.
  const { met: _, ...strict } = context
  const { files, last } = await recoverFolder(strict)
  await last?.data.close()
  await last?.index.close()
  const held = new HeldFiles(context)
  held.replace(files)
  if (last?.purgedUpTo !== undefined) await held.removeBefore(last.purgedUpTo)
  return { files: held.all, last: last?.stored }
}

/** Records with an epoch are a cluster's: without `log.json` nobody knows which of them are committed. */
async function checkAlone({ disk, folder }: RecoveryContext): Promise<void> {
  for (const name of await disk.list(folder)) {
    if (!isIndexName(name)) continue
    await withIndex(disk, `${folder}/${name}`, (walk) => {
      while (walk.state.epoch === 0 && walk.next() !== undefined) {}
      if (walk.state.epoch === 0) return
      const message = `${folder}/log.json is gone; without it nobody knows where the log begins`
      throw new OperationalError('E_STORE_DAMAGED', message, { file: `${folder}/log.json` })
    })
  }
}

async function withIndex<T>(
  disk: Disk,
  path: string,
  use: (walk: IndexWalk, size: number) => T | Promise<T>,
): Promise<T | undefined> {
  const index = await disk.open(path, 'read')
  try {
    const walk = IndexWalk.open(index)
    return walk && (await use(walk, index.size()))
  } finally {
    await index.close()
  }
}

async function rewriteAll(
  context: RecoveryContext,
  files: readonly StoredFile[],
  place: string,
): Promise<LogFacts> {
  let chain: IndexChain | undefined
  let facts = EMPTY_LOG
  for (const stored of files) {
    const next = await withIndex(context.disk, stored.indexPath, async (walk, size) => {
      const start = chain ?? { sequence: walk.head.firstSequence - 1, digest: walk.head.digest }
      if (chain === undefined) facts = factsFrom(start)
      const rewrite = new IndexRewrite(stored.name, walk, REMEDY)
      return await rewrite.run({ ...context, folder: place }, { size, start })
    })
    if (next === undefined) throw damaged(indexNameOf(stored.name), 0, 'it lacks its head')
    chain = next
  }
  return facts
}

function factsFrom({ sequence, digest }: IndexChain): LogFacts {
  const point = { epoch: 0, sequence }
  const base = { ...point, digest: digest.toString('hex'), tail: { end: 0, boundary: 0 } }
  return { ...EMPTY_LOG, base, lineage: sequence === 0 ? [] : [point] }
}
