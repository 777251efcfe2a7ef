/*
  Opening the files of a replicated log. Here the index is the truth: what it does not speak of has no epoch and
  was never reported, since a record is reported when its entry is durable. So bytes behind the last entry are cut
  away, nothing is made anew from a file, and no cut or purge is carried out: only the cluster knows what is
  committed.
*/

import { isDeepStrictEqual } from 'node:util'
import { type OperationalError, present } from '../../lib/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import { removeFile } from '../held-files.ts'
import { IndexAppender } from '../index-file/index-appender.ts'
import {
  CLOSED_SIZE,
  type CutEntry,
  type Decoded,
  type IndexState,
} from '../index-file/index-entry.ts'
import { readClosing, type Scan, type ScanOptions, scanIndex } from '../index-file/index-scan.ts'
import { hasSyncedEntryBehind } from '../index-file/index-window.ts'
import {
  checkStore,
  noteState,
  type RecoveredFile,
  type RecoveryContext,
  restoreMagic,
  writeAgain,
} from '../recovery/file-recovery.ts'
import { removeLeftovers } from '../recovery/folder-recovery.ts'
import type { StoreOptions } from '../store.ts'
import { StoredFile } from '../stored-file.ts'
import { firstDamage } from '../verified-read.ts'
import { adoptStore } from './adopt-store.ts'
import { checkLink, firstSequenceIn, type LogChain, note, openClosedFiles } from './closed-files.ts'
import { prefaceDigest } from './log-digest.ts'
import { type LogFacts, type LogGap, readLogFacts, writeLogFacts } from './log-facts.ts'
import type { LogPoint, LogRemoval } from './log-record.ts'

const VERIFY_TAIL_BYTES = 16 * 1024 * 1024
/** More than this is never waiting for a sync. */
const TORN_BYTES_MAX = 64 * 1024 * 1024
const NOT_MADE_ANEW =
  'it is not whole, and nobody else tells where this node has to go on; ' +
  'let it join anew with an empty data directory'

export type LogOptions = StoreOptions & Pick<RecoveryContext, 'heldAtLeast'>

/** A cut in the newest file. */
export interface LogCut {
  readonly sequence: number
  readonly to: number
  readonly start: number
  readonly crc: number
  /** its bytes are gone */
  isDone: boolean
}

export interface RecoveredLog {
  readonly facts: LogFacts
  /** oldest first, the newest too */
  readonly files: StoredFile[]
  readonly last: RecoveredFile | undefined
  /** of the newest file */
  readonly cuts: LogCut[]
  readonly end: number
  readonly lineage: readonly LogPoint[]
  readonly removals: readonly LogRemoval[]
}

/** @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT */
export async function recoverLog(context: RecoveryContext): Promise<RecoveredLog> {
  const { disk, folder } = context
  await disk.makeFolder(folder)
  const known = (await readLogFacts(disk, folder)) ?? (await adoptStore(context))
  let facts = await finishStartingOver(context, known)
  const names = await removePurged(context, await removeLeftovers(context), facts.base.sequence)
  const { base, preface } = facts
  const chain: LogChain = {
    sequence: base.sequence + preface.length,
    digest: prefaceDigest(facts),
    lineage: [...facts.lineage],
  }
  const { lineage } = chain
  preface.forEach((epoch, index) => note(lineage, epoch, base.sequence + 1 + index))
  const opened = await openClosedFiles(context, { names, closed: facts.closed }, chain)
  const { files } = opened
  const closed = files.length === 0 ? [] : [...lineage]
  const newest = names.at(-1)
  const seen = newest === undefined ? undefined : await recoverNewest(context, newest, facts)
  if (seen !== undefined) {
    checkLink(present(newest, 'the newest file'), seen.scan.head, chain)
    for (const { epoch, sequence } of seen.lineage) note(lineage, epoch, sequence)
    files.push(seen.recovered.stored)
    chain.sequence = seen.scan.end.state.sequence
  }
  noteTimes(files, opened.damaged)
  requireHeld(context, chain.sequence, () => ({ file: newest ?? folder, position: 0 }))
  await disk.syncFolder(folder)
  const cuts = seen?.cuts ?? []
  const gap = gapIn(newest, { cuts, end: chain.sequence }, facts.gap)
  // The copy of what a damaged index said is not written again.
  const isTold = opened.damaged.size > 0 || isDeepStrictEqual(closed, facts.closed)
  if (gap !== facts.gap || !isTold) {
    facts = { ...facts, gap, ...(!isTold && { closed }) }
    await writeLogFacts(disk, folder, facts)
  }
  const purges = [...facts.purges, ...(seen?.purges ?? [])]
  const removals = pendingRemovals({ files, cuts, purges, base: base.sequence })
  return { facts, files, last: seen?.recovered, cuts, end: chain.sequence, lineage, removals }
}

/**
 * What looks like a torn end is damage when a record behind it was durable once: before anything is cut away.
 * @throws OperationalError E_STORE_DAMAGED
 */
function requireHeld(
  { heldAtLeast = 0 }: RecoveryContext,
  end: number,
  where: () => { readonly file: string; readonly position: number },
): void {
  if (end >= heldAtLeast) return
  const { file, position } = where()
  const what =
    `the records from ${end + 1} to ${heldAtLeast} were stored and committed, and are not there; ` +
    'let this node join anew with an empty data directory'
  throw damaged(file, position, what)
}

/** The gap, unless its records are not there, or the cut that it waited for is. */
function gapIn(
  name: string | undefined,
  { cuts, end }: { readonly cuts: readonly LogCut[]; readonly end: number },
  gap: LogGap | undefined,
): LogGap | undefined {
  if (gap === undefined || gap.file !== name || gap.sequence > end) return undefined
  return cuts.some(({ sequence, isDone }) => isDone && sequence > gap.sequence) ? undefined : gap
}

/** A file whose index does not tell its times is no older than the one behind it, for who purges by time. */
function noteTimes(files: readonly StoredFile[], untold: ReadonlySet<StoredFile>): void {
  for (const [at, file] of files.entries()) {
    if (untold.has(file)) file.lastTimestamp ||= files[at + 1]?.firstTimestamp ?? 0
  }
}

async function finishStartingOver(context: RecoveryContext, facts: LogFacts): Promise<LogFacts> {
  if (!facts.isStartingOver) return facts
  const names = await removeLeftovers(context)
  for (const name of names.reverse()) await removeFile(context.disk, context.folder, name)
  const done = { ...facts, isStartingOver: false }
  await writeLogFacts(context.disk, context.folder, done)
  return done
}

/** What a crash left of a purge: the files up to the base. */
async function removePurged(
  context: RecoveryContext,
  names: readonly string[],
  base: number,
): Promise<string[]> {
  const kept: string[] = []
  // A file whose index does not say where it begins stays or goes with its end, which the one behind it says.
  let follows = Number.POSITIVE_INFINITY
  for (const name of names.toReversed()) {
    const first = await firstSequenceIn(context, name)
    if (first === undefined && name === names.at(-1))
      throw damaged(indexNameOf(name), 0, NOT_MADE_ANEW)
    const isPurged = first === undefined ? follows <= base + 1 : first <= base
    follows = first ?? follows
    if (!isPurged) kept.unshift(name)
  }
  for (const name of names.slice(0, names.length - kept.length)) {
    await removeFile(context.disk, context.folder, name)
  }
  return kept
}

interface Newest {
  readonly scan: Scan
  readonly cuts: LogCut[]
  readonly purges: { sequence: number; upTo: string }[]
  readonly lineage: LogPoint[]
  /** where the file's bytes end: a cut that is not done has them still */
  readonly bytesEnd: number
  /** bytes before this are on the disk since a sync; those behind it may have been torn */
  readonly syncedTo: number
  /** records with those bytes */
  readonly unsure: { readonly sequence: number; readonly end: number }[]
}

/** Reads the newest index to its last record, and no further: what follows that is written anew. */
export function readNewest(
  { cache, storeId }: RecoveryContext,
  name: string,
  index: DiskFile,
  upTo: number,
): Newest {
  const cuts: LogCut[] = []
  const purges: Newest['purges'] = []
  const lineage: LogPoint[] = []
  let heldUpTo = 4
  let syncedTo = 4
  let unsure: Newest['unsure'] = []
  const sees = (
    { entry, isSyncedBefore }: Decoded,
    before: IndexState,
    state: Readonly<IndexState>,
  ): void => {
    if (isSyncedBefore) {
      syncedTo = before.end
      unsure = []
    }
    if (entry.kind === 'bytes') unsure.push({ sequence: state.sequence, end: state.end })
    if (state.sequence > before.sequence) note(lineage, state.epoch, state.sequence)
    const { sequence } = state
    if (entry.kind === 'bytes') heldUpTo = state.end
    if (entry.kind === 'purge') purges.push({ sequence, upTo: entry.upTo })
    if (entry.kind === 'cut') cuts.push(cutOf(entry, sequence))
    if (entry.kind === 'cut-done') {
      for (const cut of cuts) cut.isDone = true
      heldUpTo = state.end
    }
  }
  const options: ScanOptions = { upTo, sees }
  const scan = scanIndex(name, index, cache, options)
  if (scan === undefined) throw damaged(indexNameOf(name), 0, NOT_MADE_ANEW)
  checkStore(name, scan.head.storeId, storeId)
  return { scan, cuts, purges, lineage, bytesEnd: heldUpTo, syncedTo, unsure }
}

function cutOf({ to, start, crc }: CutEntry, sequence: number): LogCut {
  return { sequence, to, start, crc, isDone: false }
}

async function recoverNewest(
  context: RecoveryContext,
  name: string,
  { gap, cutDone }: LogFacts,
): Promise<Newest & { readonly recovered: RecoveredFile }> {
  const { disk, folder } = context
  const data = await disk.open(`${folder}/${name}`, 'write')
  const index = await disk.open(`${folder}/${indexNameOf(name)}`, 'write')
  try {
    const all = readNewest(context, name, index, Number.POSITIVE_INFINITY)
    const { offset, state } = all.scan.end
    const isClosed = readClosing(index) !== undefined && offset + CLOSED_SIZE === index.size()
    if (!isClosed && hasSyncedEntryBehind(index, offset, state.check)) {
      throw damaged(
        indexNameOf(name),
        offset,
        'no true entry is there, and what is behind it was synced later',
      )
    }
    const end = lastWhole(name, data, all, gap)
    const newest = readNewest(context, name, index, end)
    requireHeld(context, end, () => ({
      file: end < state.sequence ? name : indexNameOf(name),
      position: end < state.sequence ? newest.scan.end.state.end : offset,
    }))
    const here = gapIn(name, { cuts: newest.cuts, end }, gap)
    const recovered = await settle(context, newest, { data, index, gap: here, cutDone })
    return { ...newest, recovered }
  } catch (thrown) {
    await data.close()
    await index.close()
    throw thrown
  }
}

/**
 * The last record whose bytes are on the disk, too: bytes and entries of a group are synced at once, and the power may
 * have been lost when only the entries were there.
 * @throws OperationalError E_STORE_DAMAGED
 */
function lastWhole(name: string, data: DiskFile, newest: Newest, gap: LogGap | undefined): number {
  const { state } = newest.scan.end
  const here = gapIn(name, { cuts: newest.cuts, end: state.sequence }, gap)
  const to = Math.min(state.end, here?.start ?? state.end)
  const from = Math.min(to, newest.syncedTo)
  const torn = firstDamage(data, newest.scan.directory, { from, to })
  if (torn === undefined) return state.sequence
  const first = newest.unsure.find(({ end }) => end > torn)
  if (first !== undefined && to - torn <= TORN_BYTES_MAX) return first.sequence - 1
  throw notStored(name, torn)
}

function notStored(name: string, position: number): OperationalError {
  const what =
    'the bytes there are not those that were stored; let this node join anew with an empty data directory'
  return damaged(name, position, what)
}

async function settle(
  { disk, folder, cache, logger, checkpoints }: RecoveryContext,
  { scan, cuts, bytesEnd: bytesEndOfRecords, syncedTo }: Newest,
  files: { readonly data: DiskFile; readonly index: DiskFile } & Pick<LogFacts, 'gap' | 'cutDone'>,
): Promise<RecoveredFile> {
  const { data, index, gap } = files
  const isDone = cuts.some(({ sequence, isDone }) => !isDone && sequence === files.cutDone)
  const { name } = scan.begin
  const { offset, state } = scan.end
  await restoreMagic(name, data, state.end, logger)
  const appender = new IndexAppender(index, scan.directory, scan.end, checkpoints)
  await index.truncate(offset)
  await writeAgain(index, offset)
  const size = data.size()
  const { cut } = scan
  // Bytes that had been cut away when they came do not say whether this cut is committed.
  const isGone = cut !== undefined && (isDone || (size === cut.to && size !== gap?.position))
  const bytesEnd = isGone ? cut.to : (gap?.position ?? bytesEndOfRecords)
  if (size < bytesEnd) {
    throw damaged(name, size, `the file ends there, and ${bytesEnd} bytes were stored`)
  }
  const from = Math.max(4, state.end - VERIFY_TAIL_BYTES)
  const to = Math.min(state.end, gap?.start ?? state.end)
  const before = firstDamage(data, scan.directory, { from: Math.min(from, to), to })
  if (before !== undefined) throw notStored(name, before)
  if (size > bytesEnd) {
    logger.info({ file: name, position: bytesEnd }, `${name} is cut back to its last record`)
    await data.truncate(bytesEnd)
  }
  await writeAgain(data, bytesEnd, Math.min(bytesEnd, syncedTo))
  await data.sync()
  if (isGone) {
    for (const one of cuts) one.isDone = true
    appender.cutDone(cut)
  }
  await appender.sync()
  const { firstSequence, contact } = scan.head
  const stored = new StoredFile(disk, folder, { origin: scan.begin, firstSequence, contact }, cache)
  noteState(stored, appender)
  const held = contact
  return { stored, data, index, directory: scan.directory, appender, held, purgedUpTo: undefined }
}

/** The last record that goes with a purge; 0 when none does. */
export function floorOf(upTo: string, files: readonly StoredFile[]): number {
  const first = files.find(({ name }) => name === upTo)
  return Math.max(0, (first?.facts.firstSequence ?? 0) - 1)
}

function pendingRemovals({
  files,
  cuts,
  purges,
  base,
}: {
  readonly files: readonly StoredFile[]
  readonly cuts: readonly LogCut[]
  readonly purges: ReadonlyArray<{ readonly sequence: number; readonly upTo: string }>
  readonly base: number
}): LogRemoval[] {
  const removals: LogRemoval[] = cuts
    .filter(({ isDone }) => !isDone)
    .map(({ sequence }) => ({ kind: 'cut', sequence, floor: 0 }))
  for (const { sequence, upTo } of new Map(purges.map((one) => [one.sequence, one])).values()) {
    const floor = floorOf(upTo, files)
    if (floor > base) removals.push({ kind: 'purge', sequence, floor })
  }
  return removals.toSorted((one, other) => one.sequence - other.sequence)
}
