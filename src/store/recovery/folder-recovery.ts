/*
  Opening a folder: every file gets a true index, the last one a true end, and what the files say
  about each other (sequences, PREVIOUS_GTIDS) must agree. A file before the last one that is damaged
  is named and kept as it is.
*/
import { OperationalError, present } from '../../lib/index.ts'
import { FIRST_EVENT_POSITION, GtidSet } from '../../mysql/index.ts'
import { damaged } from '../disk-error.ts'
import { binlogOf, compareFileNames, indexNameOf, isFileName, isIndexName } from '../file-name.ts'
import { readBegin, readClosing, readClosingSet, readHead } from '../index-file/index-scan.ts'
import { IndexWalk } from '../index-file/index-walk.ts'
import { hasTrueEntryBehind } from '../index-file/index-window.ts'
import { StoredFile, type StoredFileFacts } from '../stored-file.ts'
import { firstDamage } from '../verified-read.ts'
import { readPreviousGtids } from '../walk/previous-gtids.ts'
import { type Before, previousGtidsFault, sequenceFault } from './chain.ts'
import { factsOf, keepDamaged, originBehind, readRemains, sizeOf } from './damaged-file.ts'
import {
  checkStore,
  noteState,
  type RecoveredFile,
  type RecoveryContext,
  recoverFile,
} from './file-recovery.ts'
import { type OriginCopy, readOriginCopy } from './origin-copy.ts'
import { rebuildIndex } from './rebuild-index.ts'
import { tolerate } from './tolerate.ts'
import { beginsWithMagic, isUnborn, NO_BINLOG } from './unborn-file.ts'
import { Workshop } from './workshop.ts'

/** PREVIOUS_GTIDS is never longer. */
const HEAD_BYTES_MAX = 64 * 1024 * 1024

export interface RecoveredFolder {
  /** oldest first, the last one too */
  readonly files: StoredFile[]
  readonly last: RecoveredFile | undefined
}

/** @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT */
export async function recoverFolder(context: RecoveryContext): Promise<RecoveredFolder> {
  const { disk, folder } = context
  await disk.makeFolder(folder)
  const names = await removeLeftovers(context)
  const copy = await readOriginCopy(disk, folder)
  const files: StoredFile[] = []
  let before: Before | undefined
  let last: RecoveredFile | undefined
  for (const [index, name] of names.entries()) {
    const facts = fallbackFor(name, before, copy)
    if (name === names.at(-1)) {
      last = await recoverFile(context, {
        name,
        fallback: facts,
        heldBefore: before?.held ?? GtidSet.empty(),
        last: true,
      })
      files.push(last.stored)
    } else {
      await checkMagic(context, name)
      const found: Before =
        (await readClosed(context, name)) ??
        (await closeAgain(context, { facts, before, following: names.slice(index + 1) }))
      await checkChain(context, before, found.stored, found.rebuilt)
      before = found
      files.push(found.stored)
    }
  }
  try {
    if (last !== undefined) await checkChain(context, before, last.stored, false)
    await disk.syncFolder(folder)
  } catch (thrown) {
    await last?.data.close()
    await last?.index.close()
    throw thrown
  }
  return { files, last }
}

/**
 * What a crash while a file was made or removed has left; returns the names of the files, oldest
 * first.
 */
export async function removeLeftovers(context: RecoveryContext): Promise<string[]> {
  const { disk, folder, logger } = context
  const found = new Set(await disk.list(folder))
  const names = [...found].filter(isFileName).sort(compareFileNames)
  const newest = names.at(-1)
  if (newest !== undefined && (await isUnborn(disk, folder, newest))) {
    logger.info({ file: newest }, `${newest} was never begun and is removed`)
    await disk.remove(`${folder}/${newest}`)
    names.pop()
  }
  for (const name of found) {
    if (!isIndexName(name) || names.includes(binlogOf(name))) continue
    logger.info({ file: name }, `${name} is the index of a file that is gone and is removed`)
    await disk.remove(`${folder}/${name}`)
  }
  return names
}

/** Of a file that is closed. What its first bytes were is known, so the rest is served. */
export async function checkMagic(context: RecoveryContext, name: string): Promise<void> {
  const file = await context.disk.open(`${context.folder}/${name}`, 'read')
  const hasMagic = beginsWithMagic(file)
  await file.close()
  if (!hasMagic) tolerate(context, damaged(name, 0, NO_BINLOG))
}

function fallbackFor(
  name: string,
  before: Before | undefined,
  copy: OriginCopy | undefined,
): StoredFileFacts {
  const firstSequence = (before?.lastSequence ?? 0) + 1
  if (copy?.origin.name === name) return { ...copy, firstSequence }
  const known = before?.stored.facts ?? copy
  const contact = known?.contact ?? GtidSet.empty()
  return { origin: originBehind(name, known?.origin), firstSequence, contact }
}

/**
 * What a closed file's index says of itself; undefined when it is not whole or not about this file.
 */
export async function readClosed(
  context: RecoveryContext,
  name: string,
): Promise<Before | undefined> {
  const { disk, folder, storeId, cache } = context
  if (!(await disk.exists(`${folder}/${indexNameOf(name)}`))) return undefined
  const index = await disk.open(`${folder}/${indexNameOf(name)}`, 'read')
  try {
    const read = readHead(index)
    const closing = readClosing(index)
    if (read === undefined || closing === undefined) return undefined
    checkStore(name, read.head.storeId, storeId)
    const origin = readBegin(index, read)
    const held = readClosingSet(index, closing)
    if (origin?.name !== name || held === undefined) return undefined
    const { firstSequence, contact, rebuilt } = read.head
    const stored = new StoredFile(disk, folder, { origin, firstSequence, contact }, cache)
    await checkSize(context, name, closing.size)
    stored.size = closing.size
    stored.firstTimestamp = closing.firstTimestamp
    stored.lastTimestamp = closing.timestamp
    return { stored, lastSequence: closing.sequence, rebuilt, held }
  } finally {
    await index.close()
  }
}

async function checkSize(context: RecoveryContext, name: string, size: number): Promise<void> {
  const found = await sizeOf(context, name)
  if (found === size) return
  const what = `the file has ${found} bytes, and ${size} were stored`
  tolerate(context, damaged(name, Math.min(found, size), what))
}

interface Unclosed {
  /** what to take where the index does not say it */
  readonly facts: StoredFileFacts
  readonly before: Before | undefined
  /** the files behind it, oldest first */
  readonly following: readonly string[]
}

/** Of a file before the last one, whose index lacks its end: not written before a crash, or damaged, or lost. */
async function closeAgain(context: RecoveryContext, file: Unclosed): Promise<Before> {
  const { facts: fallback, following } = file
  try {
    return (await isUnfinished(context, fallback.origin.name))
      ? await finish(context, file)
      : await makeAnew(context, file)
  } catch (thrown) {
    if (!(thrown instanceof OperationalError) || thrown.code !== 'E_STORE_DAMAGED') throw thrown
    return await keepDamaged(context, { fallback, following }, thrown)
  }
}

/** True for an index of which nothing is there behind the last true entry. */
async function isUnfinished({ disk, folder }: RecoveryContext, name: string): Promise<boolean> {
  const path = `${folder}/${indexNameOf(name)}`
  if (!(await disk.exists(path))) return false
  const index = await disk.open(path, 'read')
  try {
    const walk = IndexWalk.open(index)
    while (walk?.next() !== undefined);
    return walk !== undefined && !hasTrueEntryBehind(index, walk.offset, walk.state.check)
  } finally {
    await index.close()
  }
}

/** The index of a file whose events are all true: beside it first, so that what is damaged stays if one is not. */
async function makeAnew(context: RecoveryContext, file: Unclosed): Promise<Before> {
  const { disk, folder, storeId, logger } = context
  const { name } = file.facts.origin
  const shop = new Workshop(disk, folder)
  await shop.clear(name)
  try {
    const remains = await readRemains(disk, `${folder}/${indexNameOf(name)}`)
    if (remains.head !== undefined) checkStore(name, remains.head.head.storeId, storeId)
    const facts = factsOf(remains, file.facts)
    const rebuilding = { disk, folder, storeId, logger }
    await rebuildIndex(rebuilding, facts, shop.folder, file.before?.held)
    await shop.replace([indexNameOf(name)])
  } finally {
    await shop.clear(name)
  }
  return present(await readClosed(context, name), 'the index that was made anew')
}

async function finish(
  context: RecoveryContext,
  { facts: fallback, before }: Unclosed,
): Promise<Before> {
  const recovered = await recoverFile(context, {
    name: fallback.origin.name,
    fallback,
    heldBefore: before?.held ?? GtidSet.empty(),
    last: false,
  })
  const { stored, data, index, appender, held } = recovered
  await appender.close(held)
  await data.close()
  await index.close()
  noteState(stored, appender)
  return { stored, lastSequence: appender.state.sequence, rebuilt: true, held }
}

/** The file must go on where the one before ended. */
async function checkChain(
  context: RecoveryContext,
  before: Before | undefined,
  stored: StoredFile,
  rebuilt: boolean,
): Promise<void> {
  if (before === undefined) return
  const { name, facts } = stored
  const previous = before.stored.name
  const gap = facts.firstSequence - before.lastSequence - 1
  if (gap !== 0 && !rebuilt && !before.rebuilt) {
    throw damaged(name, 4, sequenceFault(previous, gap))
  }
  const file = await context.disk.open(stored.path, 'read')
  const says = await readPreviousGtids(file, stored.size)
  await file.close()
  if (typeof says === 'string') return
  const what = previousGtidsFault(says, {
    previous,
    held: before.held,
    contactBefore: before.stored.facts.contact,
    contact: facts.contact,
  })
  if (what === undefined) return
  const damage = damaged(name, 4, what)
  if (!(await isHeadDamaged(stored))) throw damage
  tolerate(context, damage)
}

/** Whether what a closed file says of those before it is not what was stored. */
async function isHeadDamaged(stored: StoredFile): Promise<boolean> {
  const data = await stored.acquire()
  try {
    const to = Math.min(stored.size, HEAD_BYTES_MAX)
    return firstDamage(data, stored.directory, { from: FIRST_EVENT_POSITION, to }) !== undefined
  } finally {
    await stored.release(false)
  }
}
