/*
  Opening the closed files of a replicated log. What an index says of its file is believed where it is true. Where it is
  not, others tell the rest: the head of the index behind it which records the file has, and the running digest behind
  them; the copy of the lineage in `log.json` their epochs. Such a file is named and kept as it is. What needs the part
  that is not true is not read. The other nodes have the index.
*/

import { OperationalError } from '../../lib/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import type { IndexHead } from '../index-file/index-header.ts'
import { readClosing, readClosingCheckpoint, readHead } from '../index-file/index-scan.ts'
import { IndexWalk } from '../index-file/index-walk.ts'
import { factsOf, originBehind, readRemains, sizeOf } from '../recovery/damaged-file.ts'
import { checkStore, type RecoveryContext } from '../recovery/file-recovery.ts'
import { checkMagic, readClosed } from '../recovery/folder-recovery.ts'
import { tolerate } from '../recovery/tolerate.ts'
import { StoredFile } from '../stored-file.ts'
import type { LogFacts } from './log-facts.ts'
import type { LogPoint } from './log-record.ts'

const NOT_WHOLE = 'it is not whole; kingbus repair gets it from another node'
const EPOCHS_UNKNOWN =
  'no true entry is there, and nothing else tells the epochs of the records behind it; ' +
  'let this node join anew with an empty data directory'
const END_UNKNOWN =
  'it is not whole, and neither is the index behind it, so nobody tells where its records end; ' +
  'let this node join anew with an empty data directory'

/** How far the log is known. */
export interface LogChain {
  sequence: number
  digest: Buffer
  /** for each epoch its last sequence */
  readonly lineage: LogPoint[]
}

/** Adds a record to a lineage. */
export function note(lineage: LogPoint[], epoch: number, sequence: number): void {
  if (lineage.at(-1)?.epoch === epoch) lineage.pop()
  lineage.push({ epoch, sequence })
}

/** @throws OperationalError E_STORE_DAMAGED where an index does not go on from what is before it */
export function checkLink(
  name: string,
  head: Pick<IndexHead, 'firstSequence' | 'digest'>,
  chain: Pick<LogChain, 'sequence' | 'digest'>,
): void {
  if (head.firstSequence === chain.sequence + 1 && head.digest.equals(chain.digest)) return
  const what = `it does not go on where the log before it ends, at record ${chain.sequence}`
  throw damaged(indexNameOf(name), 0, what)
}

interface ClosedFiles {
  /** oldest first */
  readonly files: StoredFile[]
  /** those whose index is not whole */
  readonly damaged: ReadonlySet<StoredFile>
}

/**
 * @param names all files, oldest first, the newest too
 * @param chain moves on behind the last closed file
 * @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT
 */
export async function openClosedFiles(
  context: RecoveryContext,
  { names, closed }: { readonly names: readonly string[] } & Pick<LogFacts, 'closed'>,
  chain: LogChain,
): Promise<ClosedFiles> {
  const files: StoredFile[] = []
  const found = new Set<StoredFile>()
  for (const [at, next] of names.slice(1).entries()) {
    const name = names[at] ?? next
    await checkMagic(context, name)
    const whole = await openWhole(context, name, chain)
    if (whole instanceof StoredFile) files.push(whole)
    else {
      const file = { name, next, before: files.at(-1), damage: whole, closed }
      const stored = await openDamaged(context, file, chain)
      files.push(stored)
      found.add(stored)
    }
  }
  return { files, damaged: found }
}

/** Sequence of the first record that an index has; undefined where its head is not true, or not there. */
export async function firstSequenceIn(
  context: RecoveryContext,
  name: string,
): Promise<number | undefined> {
  return await withIndex(context, name, (index) => readHead(index)?.head.firstSequence)
}

async function withIndex<T>(
  { disk, folder }: RecoveryContext,
  name: string,
  read: (index: DiskFile) => T,
): Promise<T | undefined> {
  const path = `${folder}/${indexNameOf(name)}`
  if (!(await disk.exists(path))) return undefined
  const index = await disk.open(path, 'read')
  try {
    return read(index)
  } finally {
    await index.close()
  }
}

// ---- by its own index

/** Reads a closed index as far as its newest epoch: behind that nothing is new but the last sequence. */
async function openWhole(
  context: RecoveryContext,
  name: string,
  chain: LogChain,
): Promise<StoredFile | OperationalError> {
  const notWhole = damaged(indexNameOf(name), 0, NOT_WHOLE)
  const read = await readClosed(context, name)
  if (read === undefined) return notWhole
  const end = await withIndex(context, name, (index) => {
    const walk = IndexWalk.open(index)
    const closing = readClosing(index)
    const checkpoint = closing && readClosingCheckpoint(index, closing)
    if (walk === undefined || closing === undefined || checkpoint === undefined) return notWhole
    checkLink(name, walk.head, chain)
    const { sequence } = closing
    const points = epochsIn(walk, ({ epoch }) => epoch === closing.epoch)
    if (points === undefined) return damaged(indexNameOf(name), walk.offset, NOT_WHOLE)
    return { points, epoch: closing.epoch, sequence, digest: checkpoint.digest }
  })
  if (end === undefined || end instanceof OperationalError) return end ?? notWhole
  const { points, epoch, sequence, digest } = end
  for (const point of points) note(chain.lineage, point.epoch, point.sequence)
  note(chain.lineage, epoch, sequence)
  Object.assign(chain, { sequence, digest })
  return read.stored
}

/** The lineage of the records up to the first with which it is all; undefined where no true entry is before that. */
function epochsIn(
  walk: IndexWalk,
  isAll: (state: IndexWalk['state']) => boolean,
): LogPoint[] | undefined {
  const points: LogPoint[] = []
  while (!isAll(walk.state)) {
    if (walk.next() === undefined) return undefined
    note(points, walk.state.epoch, walk.state.sequence)
  }
  return points
}

// ---- by what others say

interface DamagedFile extends Pick<LogFacts, 'closed'> {
  readonly name: string
  /** the file behind it */
  readonly next: string
  readonly before: StoredFile | undefined
  readonly damage: OperationalError
}

async function openDamaged(
  context: RecoveryContext,
  { name, next, before, damage, closed }: DamagedFile,
  chain: LogChain,
): Promise<StoredFile> {
  const { disk, folder, cache, storeId } = context
  const after = await withIndex(context, next, (index) => readHead(index)?.head)
  if (after === undefined) throw damaged(indexNameOf(name), 0, END_UNKNOWN)
  checkStore(next, after.storeId, storeId)
  const to = after.firstSequence - 1
  const remains = await readRemains(disk, `${folder}/${indexNameOf(name)}`)
  const { head } = remains.head ?? {}
  if (head !== undefined) {
    checkStore(name, head.storeId, storeId)
    checkLink(name, head, chain)
  }
  const points =
    (await withIndex(context, name, (index) => {
      const walk = IndexWalk.open(index)
      return walk && epochsIn(walk, ({ sequence }) => sequence === to)
    })) ?? between(closed, chain.sequence, to)
  if (points === undefined) {
    const { position } = damage.context
    throw damaged(indexNameOf(name), Number(position), EPOCHS_UNKNOWN)
  }
  tolerate(context, damage)
  const fallback = {
    origin: originBehind(name, before?.facts.origin),
    firstSequence: chain.sequence + 1,
    contact: before?.facts.contact ?? after.contact,
  }
  const stored = new StoredFile(disk, folder, factsOf(remains, fallback), cache)
  stored.size = remains.closing?.size ?? (await sizeOf(context, name))
  stored.firstTimestamp = remains.closing?.firstTimestamp ?? 0
  stored.lastTimestamp = remains.closing?.timestamp ?? 0
  for (const { epoch, sequence } of points) note(chain.lineage, epoch, sequence)
  Object.assign(chain, { sequence: to, digest: after.digest })
  return stored
}

/** Of a lineage what concerns the records (from, to]; undefined where it does not reach so far. */
function between(
  lineage: readonly LogPoint[],
  from: number,
  to: number,
): readonly LogPoint[] | undefined {
  if ((lineage.at(-1)?.sequence ?? 0) < to) return undefined
  const last = lineage.findIndex(({ sequence }) => sequence >= to)
  return lineage
    .slice(0, last + 1)
    .filter(({ sequence }) => sequence > from)
    .map(({ epoch, sequence }) => ({ epoch, sequence: Math.min(sequence, to) }))
}
