/*
  All of it or nothing: the files are written into a folder beside the store's own, which takes its place by one rename
  when everything is durable. What a killed import has left there is removed by whoever takes the data directory next.
*/
import { basename } from 'node:path'
import { LocalJournal } from '../journal/index.ts'
import { formatBytes, type Logger, OperationalError, present } from '../lib/index.ts'
import { EventKernel, FIRST_EVENT_POSITION, type GtidSet } from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'
import { type DataDir, type Position, previousGtidsFault, Store } from '../store/index.ts'
import { FileCopy } from './copy-file.ts'
import { type FileHead, readHead } from './file-head.ts'
import { refused } from './refusal.ts'
import { identify, type SourceIdentity } from './source-identity.ts'

export interface ImportOptions {
  readonly disk: Disk
  readonly logger: Logger
  readonly dataDir: DataDir
  /** as chooseFiles has put them in order, at least one */
  readonly paths: readonly string[]
  /** server_uuid of the source, where the operator said it */
  readonly sourceUuid: string | undefined
  readonly progress: (path: string, doneBytes: number, totalBytes: number) => void
}

/** Half a transaction or half an event at the end of a file, which was left out. */
export interface CutTail extends Position {
  readonly bytes: number
}

export interface ImportReport {
  readonly files: number
  readonly bytes: number
  readonly source: SourceIdentity
  readonly end: Position
  readonly executed: GtidSet
  readonly purged: GtidSet
  readonly cuts: readonly CutTail[]
}

/**
 * @throws OperationalError E_IMPORT_REFUSED, E_STORE_NOT_EMPTY, E_DISK_FULL, and as the store: nothing is there then
 * that was not there before
 */
export async function importFiles(options: ImportOptions): Promise<ImportReport> {
  const { disk, dataDir, paths } = options
  await checkEmpty(disk, dataDir)
  const heads = []
  for (const path of paths) heads.push(await readHead(disk, path))
  checkHeads(heads)
  const source = await identify(disk, heads, options.sourceUuid)
  await checkRoom(options, heads)
  try {
    const found = await new FilesImport(options, heads, source).run()
    await disk.rename(dataDir.importing, dataDir.binlogs)
    await disk.syncFolder(dataDir.path)
    return found
  } catch (thrown) {
    await dataDir.discardImport()
    throw thrown
  }
}

async function checkEmpty(disk: Disk, { path, binlogs }: DataDir): Promise<void> {
  const isOfCluster = await disk.exists(`${path}/cluster.json`)
  if (!isOfCluster && (await disk.list(binlogs)).length === 0) return
  throw new OperationalError(
    'E_STORE_NOT_EMPTY',
    `data directory ${path} ${isOfCluster ? 'is that of a node of a cluster' : 'has binlogs already'}; ` +
      'import into an empty one, before the first start',
    { path },
  )
}

function checkHeads(heads: readonly FileHead[]): void {
  for (const [at, { path, format, previous }] of heads.entries()) {
    const before = heads[at - 1]
    if (before === undefined) continue
    if (before.format.flavor !== format.flavor) {
      throw refused(path, `it is not of the same kind of server as ${before.path}`)
    }
    const lost = before.previous.subtract(previous)
    if (lost.isEmpty) continue
    const what = `its PREVIOUS_GTIDS lacks ${lost.toLine()}, which that of ${before.path} has`
    throw refused(path, `${what}; the files are not of one history`)
  }
}

async function checkRoom({ disk, dataDir }: ImportOptions, heads: readonly FileHead[]) {
  const needed = bytesOf(heads)
  const { freeBytes } = await disk.space(dataDir.path)
  if (freeBytes > needed) return
  throw new OperationalError(
    'E_DISK_FULL',
    `the files have ${formatBytes(needed)} and the disk of ${dataDir.path} has ${formatBytes(freeBytes)} left`,
    { path: dataDir.path },
  )
}

function bytesOf(heads: readonly FileHead[]): number {
  return heads.reduce((sum, { size }) => sum + size, 0)
}

class FilesImport {
  readonly #options: ImportOptions
  readonly #heads: readonly FileHead[]
  readonly #source: SourceIdentity
  readonly #purged: GtidSet
  readonly #held: GtidSet
  readonly #cuts: CutTail[] = []
  readonly #kernel = new EventKernel()

  constructor(options: ImportOptions, heads: readonly FileHead[], source: SourceIdentity) {
    this.#options = options
    this.#heads = heads
    this.#source = source
    this.#purged = present(heads[0], 'a file').previous
    this.#held = this.#purged.clone()
  }

  async run(): Promise<ImportReport> {
    const { disk, logger, dataDir } = this.#options
    const { storeId } = dataDir.identity
    await disk.makeFolder(dataDir.importing)
    const store = await Store.open({ disk, folder: dataDir.importing, storeId, logger })
    const journal = new LocalJournal(store)
    try {
      let doneBytes = 0
      for (const [at, head] of this.#heads.entries()) {
        this.#checkChain(head, this.#heads[at - 1])
        await this.#take(journal, head, doneBytes)
        doneBytes += head.size
      }
      await journal.settled()
      const { file, boundary } = present(journal.end, 'the end of what was taken')
      return {
        files: this.#heads.length,
        bytes: doneBytes - this.#cuts.reduce((sum, { bytes }) => sum + bytes, 0),
        source: this.#source,
        end: { file, position: boundary },
        executed: journal.heldGtids(),
        purged: this.#purged,
        cuts: this.#cuts,
      }
    } finally {
      await journal.close()
    }
  }

  /** What the files before have is what this one says was before it. */
  #checkChain({ path, previous }: FileHead, before: FileHead | undefined): void {
    if (before === undefined) return
    const fault = previousGtidsFault(previous, {
      previous: basename(before.path),
      held: this.#held,
      contactBefore: this.#purged,
      contact: this.#purged,
    })
    if (fault !== undefined) throw refused(path, fault)
  }

  async #take(journal: LocalJournal, head: FileHead, before: number): Promise<void> {
    const { disk, progress, paths } = this.#options
    const { path, size } = head
    const name = basename(path)
    const isFirst = path === paths[0]
    const total = bytesOf(this.#heads)
    await journal.beginFile({
      name,
      sourceUuid: this.#source.uuid,
      sourceFile: name,
      sourcePosition: FIRST_EVENT_POSITION,
      basePosition: FIRST_EVENT_POSITION,
      purged: isFirst ? this.#purged : undefined,
    })
    const file = await disk.open(path, 'read')
    try {
      const held = this.#held
      const told = (done: number): void => progress(path, before + done, total)
      const options = { path, size, kernel: this.#kernel, journal, held, progress: told }
      await new FileCopy(file, options).run()
    } finally {
      await file.close()
    }
    // Gives up half a transaction, as after a broken connection to a source.
    await journal.openSession(new AbortController().signal)
    journal.closeSession()
    const { boundary } = present(journal.end, 'the file that was taken')
    if (boundary < size) this.#cuts.push({ file: name, position: boundary, bytes: size - boundary })
  }
}
