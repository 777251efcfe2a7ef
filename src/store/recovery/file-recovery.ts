import type { Logger, OperationalError } from '../../lib/index.ts'
import { BINLOG_MAGIC, type GtidSet } from '../../mysql/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import type { ExtentsCache } from '../index-file/extents.ts'
import { type Checkpoints, IndexAppender } from '../index-file/index-appender.ts'
import { createIndex } from '../index-file/index-create.ts'
import type { HeldAt, IndexDirectory } from '../index-file/index-directory.ts'
import type { CutEntry } from '../index-file/index-entry.ts'
import { type Scan, scanIndex } from '../index-file/index-scan.ts'
import { FIRST_DIGEST } from '../index-file/running-digest.ts'
import type { Position } from '../record.ts'
import { StoredFile, type StoredFileFacts } from '../stored-file.ts'
import { TailRecovery } from './tail-recovery.ts'
import { beginsWithMagic, NO_BINLOG } from './unborn-file.ts'

export interface RecoveryContext {
  readonly disk: Disk
  readonly folder: string
  readonly storeId: string
  readonly logger: Logger
  readonly cache: ExtentsCache
  /** of the indexes that are written */
  readonly checkpoints?: Checkpoints
  /** told of damage with which a file is opened all the same; undefined: it is not */
  readonly met?: (damage: OperationalError) => void
  /** what was shown is not torn, whatever it looks like */
  readonly shown?: Position | undefined
  /** a record that was durable here, and has not been taken back; of a replicated log */
  readonly heldAtLeast?: number
}

/** A file whose index can be written on, after recovery. */
export interface RecoveredFile {
  readonly stored: StoredFile
  readonly data: DiskFile
  readonly index: DiskFile
  readonly directory: IndexDirectory
  readonly appender: IndexAppender
  /** GTIDs of everything up to its last place between transactions, first contact included */
  readonly held: GtidSet
  /** the last purge that its index has */
  readonly purgedUpTo: string | undefined
}

export interface RecoverFileOptions {
  readonly name: string
  /** what to take when the index does not even say how the file began */
  readonly fallback: StoredFileFacts
  /** what was held when the file began */
  readonly heldBefore: GtidSet
  readonly last: boolean
  /** where its index is, when it is not beside the file */
  readonly indexFolder?: string
}

/**
 * Brings a file and its index together again, by reading what the index does not speak of.
 * @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT
 */
export async function recoverFile(
  context: RecoveryContext,
  options: RecoverFileOptions,
): Promise<RecoveredFile> {
  const data = await context.disk.open(`${context.folder}/${options.name}`, 'write')
  let index: DiskFile | undefined
  try {
    const opened = await openIndex(context, options)
    index = opened.index
    return await settle(context, options, { data, ...opened })
  } catch (thrown) {
    await data.close()
    await index?.close()
    throw thrown
  }
}

async function settle(
  { disk, folder, cache, logger, met, shown }: RecoveryContext,
  { name, heldBefore, last }: RecoverFileOptions,
  { data, index, scan }: { data: DiskFile; index: DiskFile; scan: Scan },
): Promise<RecoveredFile> {
  const { directory } = scan
  await restoreMagic(name, data, scan.end.state.end, logger)
  const appender = new IndexAppender(index, directory, scan.end)
  await index.truncate(scan.end.offset)
  await writeAgain(index, scan.end.offset)
  if (scan.cut !== undefined) await finishCut(data, index, appender, scan.cut)
  const start = newestSet(directory)
  const held = start?.held ?? heldBefore.union(scan.head.contact)
  const from = start?.position ?? 4
  const keep = shown?.file === name ? shown.position : 0
  const bounds = { mayCut: last, keep, met }
  const tail = { name, file: data, directory, appender, from, held, logger, ...bounds }
  await new TailRecovery(tail).run()
  const { firstSequence, contact } = scan.head
  const stored = new StoredFile(disk, folder, { origin: scan.begin, firstSequence, contact }, cache)
  noteState(stored, appender)
  return { stored, data, index, directory, appender, held, purgedUpTo: scan.purgedUpTo }
}

/**
 * The first bytes of a file are known, where its index says that it is one; durable with the next sync.
 * @param indexed where the records of its index end
 * @throws OperationalError E_STORE_DAMAGED for a file that is no binlog file, as far as anybody knows
 */
export async function restoreMagic(
  name: string,
  data: DiskFile,
  indexed: number,
  logger: Logger,
): Promise<void> {
  if (beginsWithMagic(data)) return
  if (indexed <= BINLOG_MAGIC.length) throw damaged(name, 0, NO_BINLOG)
  logger.warn({ file: name }, `the first bytes of ${name} were damaged and are written anew`)
  await data.write(BINLOG_MAGIC, 0)
}

/** Takes over into the file's facts what its index says now. */
export function noteState(stored: StoredFile, appender: IndexAppender): void {
  stored.size = appender.state.end
  stored.firstTimestamp = appender.state.firstTimestamp
  stored.lastTimestamp = appender.state.timestamp
}

async function openIndex(
  context: RecoveryContext,
  options: RecoverFileOptions,
): Promise<{ index: DiskFile; scan: Scan }> {
  const { disk, cache, logger, storeId } = context
  const { name, fallback, indexFolder: folder = context.folder } = options
  const path = `${folder}/${indexNameOf(name)}`
  if (await disk.exists(path)) {
    const index = await disk.open(path, 'write')
    const scan = scanIndex(name, index, cache)
    if (scan?.head.storeId === storeId) return { index, scan }
    await index.close()
    if (scan !== undefined) checkStore(name, scan.head.storeId, storeId)
    await disk.remove(path)
  }
  logger.warn({ file: name }, `the index of ${name} is lost and is made anew from the file`)
  const made = await createIndex(
    { ...context, folder },
    {
      origin: { ...fallback.origin, name },
      firstSequence: fallback.firstSequence,
      contact: fallback.contact,
      rebuilt: true,
      digest: FIRST_DIGEST,
      epoch: 0,
    },
  )
  const { head, begin, directory, end } = made
  return {
    index: made.file,
    scan: { head, begin, directory, end, cut: undefined, purgedUpTo: undefined },
  }
}

export function checkStore(name: string, found: string, ours: string): void {
  if (found === ours) return
  throw damaged(
    indexNameOf(name),
    0,
    `it belongs to another store (${found}, and this one is ${ours})`,
  )
}

/** Does again what a cut was about to do: nothing was appended behind it. */
async function finishCut(
  data: DiskFile,
  index: DiskFile,
  appender: IndexAppender,
  cut: CutEntry,
): Promise<void> {
  await index.sync()
  if (data.size() > cut.to) await data.truncate(cut.to)
  await data.sync()
  appender.cutDone(cut)
}

const WRITE_AGAIN_BYTES = 1024 * 1024

/**
 * Writes a file's bytes where they stand: after a sync that failed, pages may read well and not be on
 * the disk, and the next sync alone would not bring them there.
 */
export async function writeAgain(file: DiskFile, to: number, from = 0): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(Math.max(0, to - from), WRITE_AGAIN_BYTES))
  for (let at = from; at < to; at += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, to - at))
    await file.write(part.subarray(0, file.read(part, at)), at)
  }
}

function newestSet(directory: IndexDirectory): HeldAt | undefined {
  for (const place of directory.setPlaces()) return place.load()
  return undefined
}
