/*
  Taking back the newest records of a log: newest file first, index entry before bytes, each durable. A crash in
  between leaves a log that ends somewhere between the two ends. Nothing is written meanwhile; whoever reads sees the
  index as it will be.
*/
import { assert } from '../../lib/index.ts'
import { removeFile } from '../held-files.ts'
import type { RecoveryContext } from '../recovery/file-recovery.ts'
import type { StoredFile } from '../stored-file.ts'
import { readNewest } from './log-recovery.ts'
import { keepAside } from './lost-and-found.ts'

export interface Truncation {
  /** oldest first */
  readonly files: readonly StoredFile[]
  /** the last record that stays in them, or one before them all */
  readonly to: number
  /** Keeps durably that a cut is done: the entry that says so goes with the records before it. */
  readonly keepDone: (cut: number) => Promise<void>
}

export async function truncateFiles(
  context: RecoveryContext,
  { files, to, keepDone }: Truncation,
): Promise<void> {
  for (const stored of files.toReversed()) {
    if (stored.facts.firstSequence <= to) return await cutBack(context, stored, { to, keepDone })
    await keepFrom(context, stored, 0)
    // The name of the file goes first: an index without its file is no record's.
    await removeFile(context.disk, context.folder, stored.name)
  }
}

async function keepFrom(
  { disk, folder }: RecoveryContext,
  { name, path }: StoredFile,
  from: number,
): Promise<void> {
  const file = await disk.open(path, 'read')
  try {
    await keepAside(disk, folder, { name, file, from, to: file.size() })
  } finally {
    await file.close()
  }
}

async function cutBack(
  context: RecoveryContext,
  stored: StoredFile,
  { to, keepDone }: Omit<Truncation, 'files'>,
): Promise<void> {
  const { name, path, indexPath } = stored
  const index = await context.disk.open(indexPath, 'write')
  const data = await context.disk.open(path, 'write')
  let isHandedOver = false
  try {
    const all = readNewest(context, name, index, Number.POSITIVE_INFINITY)
    const { scan, cuts, bytesEnd } = readNewest(context, name, index, to)
    assert(scan.end.state.sequence === to, `the log is cut to ${to}, which is not in ${name}`)
    // A cut that is done is committed, so every leader has it.
    const kept = cuts.find(({ isDone }) => !isDone)
    const isGone = all.cuts.some((cut) => cut.sequence === kept?.sequence && cut.isDone)
    const end = isGone ? scan.end.state.end : bytesEnd
    if (isGone && kept !== undefined) await keepDone(kept.sequence)
    await keepAside(context.disk, context.folder, { name, file: data, from: end, to: data.size() })
    await stored.activate(scan.directory, index)
    isHandedOver = true
    await index.truncate(scan.end.offset)
    await index.sync()
    if (data.size() > end) await data.truncate(end)
    await data.sync()
  } finally {
    await data.close()
    if (!isHandedOver) await index.close()
  }
}
