import { messageOf, OperationalError, systemCodeOf } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { Clock, Disk } from '../../platform/index.ts'
import {
  binlogOf,
  compareFileNames,
  fileNumber,
  indexNameOf,
  isFileName,
  isIndexName,
  isUnborn,
  previousGtidsFault,
  readIdentity,
  readPreviousGtids,
  sequenceFault,
} from '../../store/index.ts'
import type { Damage } from '../damage.ts'
import { verifySmallFiles } from './small-files.ts'
import { type FileEnd, type VerifiedFile, verifyFile } from './verify-file.ts'

export interface VerifyOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly dataDir: string
  /** the first file to look at; undefined: the oldest */
  readonly from: string | undefined
  /** @param doneBytes of `totalBytes`, in all files */
  readonly progress: (file: string, doneBytes: number, totalBytes: number) => void
}

export interface VerifyReport {
  /** live: a running node has the directory, and is not disturbed */
  readonly mode: 'offline' | 'live'
  readonly files: readonly VerifiedFile[]
  /** of the directory and of what the files say of each other */
  readonly damages: readonly Damage[]
  readonly notices: readonly string[]
}

/**
 * Verifies every byte of the files of a data directory, and changes nothing.
 * @throws OperationalError E_DATA_DIR_INVALID when it is none, E_STORE_FORMAT when another version made it,
 * E_FILE_UNKNOWN when it has no file to begin with
 */
export async function verifyDataDir(options: VerifyOptions): Promise<VerifyReport> {
  const { disk, dataDir } = options
  const folder = `${dataDir}/binlogs`
  if (!(await disk.exists(folder))) {
    const message = `${dataDir} is no data directory: it has no folder binlogs`
    throw new OperationalError('E_DATA_DIR_INVALID', message, { path: dataDir })
  }
  const isLive = await disk.isLocked(`${dataDir}/lock`)
  const verification = new Verification(options, folder, isLive)
  await verification.run()
  const { files, damages, notices } = verification
  return { mode: isLive ? 'live' : 'offline', files, damages, notices }
}

class Verification {
  readonly files: VerifiedFile[] = []
  readonly damages: Damage[] = []
  readonly notices: string[] = []
  readonly #options: VerifyOptions
  readonly #folder: string
  readonly #isLive: boolean
  #unborn: string | undefined

  constructor(options: VerifyOptions, folder: string, isLive: boolean) {
    this.#options = options
    this.#folder = folder
    this.#isLive = isLive
  }

  async run(): Promise<void> {
    const storeId = await this.#storeId()
    this.damages.push(...(await verifySmallFiles(this.#options.disk, this.#options.dataDir)))
    const names = await this.#names()
    const sizes = await this.#sizes(names)
    const totalBytes = sizes.reduce((sum, size) => sum + size, 0)
    let doneBytes = 0
    let before: FileEnd | undefined
    for (const name of names) {
      const { disk, clock, progress } = this.#options
      const verified = await this.#ifReadable(name, () =>
        verifyFile({
          disk,
          clock,
          folder: this.#folder,
          name,
          storeId,
          heldBefore: before?.held ?? GtidSet.empty(),
          isLast: name === names.at(-1),
          isLive: this.#isLive,
          progress: (bytes) => progress(name, (doneBytes += bytes), totalBytes),
        }),
      )
      if (verified === undefined) {
        before = undefined
        continue
      }
      this.files.push(verified)
      if (before !== undefined) await this.#checkChain(before, verified)
      before = verified.end
    }
  }

  async #storeId(): Promise<string | undefined> {
    const { disk, dataDir } = this.#options
    try {
      const identity = await readIdentity(disk, dataDir)
      if (identity !== undefined) return identity.storeId
      this.#report('identity.json', 0, 'it is missing')
    } catch (thrown) {
      if (!(thrown instanceof OperationalError) || thrown.code === 'E_STORE_FORMAT') throw thrown
      this.#report('identity.json', 0, messageOf(thrown))
    }
    return undefined
  }

  /** The files to look at, oldest first; what else lies there is named. */
  async #names(): Promise<string[]> {
    const found = await this.#options.disk.list(this.#folder)
    const names = found.filter(isFileName).sort(compareFileNames)
    await this.#leaveUnborn(names)
    for (const name of found) {
      const isIndex = isIndexName(name)
      if (names.includes(name) || name === this.#unborn || name === 'origin.json') continue
      // It is on its way to take the other's place.
      if (this.#isLive && name === 'origin.json.new') continue
      if (isIndex && names.includes(binlogOf(name))) continue
      const fate = isIndex
        ? 'the index of a file that is gone: the next start removes it'
        : 'left alone'
      if (!this.#isLive || !isIndex) this.notices.push(`${name}: not a file of the store, ${fate}`)
    }
    const { from } = this.#options
    if (from === undefined) return names
    if (!names.includes(from)) {
      throw new OperationalError('E_FILE_UNKNOWN', `there is no file ${from} in ${this.#folder}`, {
        file: from,
      })
    }
    return names.slice(names.indexOf(from))
  }

  /** The newest file, where a crash came before anything was stored in it, is no file yet. */
  async #leaveUnborn(names: string[]): Promise<void> {
    const newest = names.at(-1)
    if (newest === undefined) return
    try {
      if (!(await isUnborn(this.#options.disk, this.#folder, newest))) return
    } catch {
      // What is wrong with it is found when it is verified.
      return
    }
    names.pop()
    this.#unborn = newest
    if (!this.#isLive) this.notices.push(`${newest}: was never begun; the next start removes it`)
  }

  async #sizes(names: readonly string[]): Promise<number[]> {
    const sizes = names.map(async (name) => {
      return (await this.#options.disk.attributes(`${this.#folder}/${name}`))?.size ?? 0
    })
    return await Promise.all(sizes)
  }

  /** A running node may purge the file before it is looked at; another one may not be readable at all. */
  async #ifReadable(
    name: string,
    verify: () => Promise<VerifiedFile>,
  ): Promise<VerifiedFile | undefined> {
    try {
      return await verify()
    } catch (thrown) {
      const code = systemCodeOf(thrown)
      if (code === undefined || thrown instanceof OperationalError) throw thrown
      if (this.#isLive && code === 'ENOENT') {
        this.notices.push(`${name}: purged by the running node meanwhile`)
      } else {
        this.#report(name, 0, `it cannot be read (${code})`)
      }
      return undefined
    }
  }

  async #checkChain(before: FileEnd, { name, end }: VerifiedFile): Promise<void> {
    const gap = this.#checkSequence(before, end)
    const skipped = fileNumber(name) - fileNumber(before.name) - 1
    if (skipped > 0 && gap === 0) {
      this.notices.push(
        `${name}: follows ${before.name}; the records go on, so the ${skipped} numbers between were never stored`,
      )
    } else if (skipped > 0 && gap === undefined) {
      this.notices.push(`${name}: follows ${before.name}, and ${skipped} numbers are not there`)
    }
    await this.#checkPrevious(before, name, end)
  }

  /** Returns how many records are missing; undefined when the indexes cannot say it. */
  #checkSequence(before: FileEnd, { name, index }: FileEnd): number | undefined {
    if (before.index === undefined || index === undefined) return undefined
    if (before.index.head.rebuilt || index.head.rebuilt) return undefined
    if (!before.index.isClosed) return undefined
    const gap = index.head.firstSequence - before.index.sequence - 1
    if (gap !== 0) this.#report(name, 4, sequenceFault(before.name, gap))
    else if (!index.head.digest.equals(before.index.digest)) {
      const what = `its running digest does not go on from that of ${indexNameOf(before.name)}`
      this.#report(indexNameOf(name), 0, what)
    }
    return gap
  }

  async #checkPrevious(before: FileEnd, name: string, end: FileEnd): Promise<void> {
    const says = await this.#previousOf(name)
    if (says === undefined) return
    const contactBefore = before.index?.head.contact ?? GtidSet.empty()
    const contact = end.index?.head.contact ?? contactBefore
    const { name: previous } = before
    // What damage hides before is not said to be missing here.
    const held = before.isHeldKnown ? before.held : before.held.union(says)
    const what = previousGtidsFault(says, { previous, held, contactBefore, contact })
    if (what !== undefined) this.#report(name, 4, what)
  }

  /** undefined when it cannot be told, which is named where the file itself is verified */
  async #previousOf(name: string): Promise<GtidSet | undefined> {
    try {
      const file = await this.#options.disk.open(`${this.#folder}/${name}`, 'read')
      try {
        const says = await readPreviousGtids(file, file.size())
        return typeof says === 'string' ? undefined : says
      } finally {
        await file.close()
      }
    } catch (thrown) {
      // Purged meanwhile, or on a disk that fails.
      if (systemCodeOf(thrown) === undefined || thrown instanceof OperationalError) throw thrown
      return undefined
    }
  }

  #report(file: string, position: number, what: string): void {
    this.damages.push({ file, position, end: position, what, transaction: undefined })
  }
}
