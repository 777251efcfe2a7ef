/*
  Brings a damaged file, or its index, back to what was stored. What is missing is had again from somebody who has it,
  made ready beside the files, and compared: with the index as long as that is true, so that the bytes are those that
  were there; else with the checksums of the events, the size, and the GTIDs of the file that follows. Only what is true
  takes the place of what is damaged, as a whole. Whoever reads goes on meanwhile.
*/

import { type Logger, messageOf, OperationalError, ProtocolError } from '../../lib/index.ts'
import { BINLOG_MAGIC, FIRST_EVENT_POSITION, type GtidSet } from '../../mysql/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import {
  type CheckedFile,
  checkFile,
  type DamagedRange,
  type GrowingFile,
} from '../check/file-check.ts'
import { indexNameOf } from '../file-name.ts'
import type { HeldFile } from '../held-file.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import { rebuildIndex } from '../recovery/rebuild-index.ts'
import { theirs, Workshop } from '../recovery/workshop.ts'
import type { IndexSource, MissingRange, RangeSource } from './range-source.ts'
import { type Neighbours, takeOver } from './take-over-index.ts'

export interface RepairOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly storeId: string
  readonly name: string
  readonly file: HeldFile
  readonly growing: () => GrowingFile | undefined
  /** asked in this order */
  readonly sources: readonly RangeSource[]
  /** undefined: an index is made anew from its file, which says all of it */
  readonly indexes: readonly IndexSource[] | undefined
  /** the files before and behind it */
  readonly neighbours: () => Neighbours
  /** what the file that follows says to be held before it; undefined when there is none */
  readonly heldAfter: () => Promise<GtidSet | undefined>
  /** GTIDs that no file need name */
  readonly purged: GtidSet
  /** everything is done but the last step: nothing takes the place of anything */
  readonly dryRun: boolean
  /** told of bytes that were had again or copied */
  readonly progress: (bytes: number) => void
  readonly logger: Logger
  readonly signal: AbortSignal
}

export interface Repaired {
  /** what was damaged; none: the file is what was stored */
  readonly damages: readonly DamagedRange[]
  /** who gave the bytes; none for an index that was made anew */
  readonly from: readonly string[]
}

/**
 * @throws OperationalError E_REPAIR_IMPOSSIBLE, with what was tried; E_DISK_FULL, E_STORE_DAMAGED where the disk does
 * not give what is there
 */
export async function repairFile(options: RepairOptions): Promise<Repaired> {
  const shop = new Workshop(options.disk, options.folder)
  await shop.clear(options.name)
  try {
    return await new FileRepair(options, shop).run()
  } finally {
    await shop.clear(options.name)
  }
}

interface Paths {
  readonly data?: string
  readonly index?: string | undefined
}

class FileRepair {
  readonly #options: RepairOptions
  readonly #shop: Workshop
  readonly #from = new Set<string>()

  constructor(options: RepairOptions, shop: Workshop) {
    this.#options = options
    this.#shop = shop
  }

  async run(): Promise<Repaired> {
    const { damages } = await this.#check({})
    const isIndex = damages.some(({ file }) => file !== this.#options.name)
    if (isIndex) await this.#repairIndex(damages)
    else if (damages.length > 0) await this.#repairBytes(damages)
    return { damages, from: [...this.#from] }
  }

  // ---- the bytes, with a true index

  async #repairBytes(damages: readonly DamagedRange[]): Promise<void> {
    const { name } = this.#options
    if (this.#options.file.isActive()) return await this.#repairInPlace(damages)
    await this.#makeData(damages, {})
    await this.#replace([name])
  }

  /** A whole file in the workshop, true to the index. */
  async #makeData(damages: readonly DamagedRange[], { index }: Paths): Promise<void> {
    const { name, file } = this.#options
    const ranges = missingOf(damages, file.size)
    await this.#shop.make(name, async (made) => {
      await made.truncate(file.size)
      await this.#copyBetween(made, ranges)
      await made.write(BINLOG_MAGIC, 0)
      for (const range of ranges) await this.#fetch(range, made, { index })
    })
    const data = this.#shop.pathOf(name)
    const { damages: left } = await this.#check({ paths: { data, index } })
    if (left.length > 0) throw this.#impossible([`what was copied is damaged: ${left[0]?.what}`])
  }

  /**
   * The file goes on to be written to, so no other can take its place. Nothing of the range is shown, and it is written
   * over with what was compared; a crash in the middle leaves it as damaged as it was.
   */
  async #repairInPlace(damages: readonly DamagedRange[]): Promise<void> {
    const { name, disk, folder, dryRun, growing, file } = this.#options
    const ranges = missingOf(damages, growing()?.limit ?? file.size)
    const buffer = Buffer.allocUnsafe(RECORD_BYTES_MAX)
    await this.#shop.make(name, async (made) => {
      await made.truncate(ranges.at(-1)?.to ?? 0)
      await made.write(BINLOG_MAGIC, 0)
      for (const range of ranges) await this.#fetch(range, made, {})
      if (dryRun) return
      const target = await disk.open(`${folder}/${name}`, 'write')
      try {
        await target.write(BINLOG_MAGIC, 0)
        for (const { from, to } of ranges) await copy(made, target, { from, to, buffer })
        await target.sync()
      } finally {
        await target.close()
      }
    })
  }

  async #copyBetween(made: DiskFile, ranges: readonly MissingRange[]): Promise<void> {
    const { disk, folder, name, file, progress, signal } = this.#options
    const buffer = Buffer.allocUnsafe(RECORD_BYTES_MAX)
    const old = await disk.open(`${folder}/${name}`, 'read')
    try {
      let at: number = FIRST_EVENT_POSITION
      for (const { from, to } of [...ranges, { from: file.size, to: file.size }]) {
        await copy(old, made, { from: at, to: from, buffer, progress, signal })
        at = to
      }
    } finally {
      await old.close()
    }
  }

  /** The range, from the first who has it as it was stored. */
  async #fetch(range: MissingRange, made: DiskFile, { index }: Paths): Promise<void> {
    const { sources, name } = this.#options
    const data = this.#shop.pathOf(name)
    const tried: string[] = []
    for (const source of sources) {
      try {
        await this.#take(source, range, made)
        const { damages } = await this.#check({ range, paths: { data, index } })
        const wrong = damages.find(({ from, to }) => from < range.to && to > range.from)
        if (wrong === undefined) return void this.#from.add(source.name)
        tried.push(`${source.name} has other bytes there than those that were stored here`)
      } catch (thrown) {
        tried.push(reasonOf(thrown, source))
      }
    }
    throw this.#impossible(tried)
  }

  /** Writes what it gives of the range; returns where that ends. */
  async #take(source: RangeSource, range: MissingRange, made: DiskFile): Promise<number> {
    const { signal, progress } = this.#options
    let end = range.from
    for await (const { position, bytes } of source.bytes(range, signal)) {
      signal.throwIfAborted()
      const from = Math.max(position, range.from)
      const to = Math.min(position + bytes.length, range.to)
      if (from < to) await made.write(bytes.subarray(from - position, to - position), from)
      end = Math.max(end, to)
      progress(bytes.length)
      if (position + bytes.length >= range.to) break
    }
    return end
  }

  // ---- the index

  async #repairIndex(damages: readonly DamagedRange[]): Promise<void> {
    const { name, file, indexes } = this.#options
    const index = this.#shop.pathOf(indexNameOf(name))
    if (file.isActive()) {
      throw this.#impossible([
        'the index of the file that is written to cannot be replaced: end the file by FLUSH BINARY LOGS on the ' +
          'source, and repair it then' +
          (indexes === undefined ? '; or start again: it is then made anew from the file' : ''),
      ])
    }
    const isWhole = indexes === undefined ? await this.#remake() : await this.#fetchIndex(indexes)
    if (isWhole) return await this.#replace([indexNameOf(name), name])
    const { damages: left } = await this.#check({ paths: { index } })
    if (left.length === 0) return await this.#replace([indexNameOf(name)])
    const wrong = left.find((damage) => damage.file !== name)
    if (wrong !== undefined) throw this.#impossible([`${damages[0]?.file}: ${wrong.what}`])
    await this.#makeData(left, { index })
    await this.#replace([indexNameOf(name), name])
  }

  /** From the file, where all of its events are true; else with a file that is had again. Returns whether it was. */
  async #remake(): Promise<boolean> {
    const { disk, folder, name, file } = this.#options
    const data = await disk.open(`${folder}/${name}`, 'read')
    const size = data.size()
    await data.close()
    try {
      if (size === file.size) return await this.#rebuild(folder).then(() => false)
    } catch (thrown) {
      if (!(thrown instanceof OperationalError) || thrown.code !== 'E_STORE_DAMAGED') throw thrown
    }
    await this.#shop.clear(name)
    await this.#fetchAll()
    await this.#rebuild(this.#shop.folder)
    return true
  }

  async #rebuild(dataFolder: string): Promise<void> {
    const { heldAfter, purged, file } = this.#options
    const context = { ...this.#options, folder: dataFolder }
    const held = await rebuildIndex(context, file.facts, this.#shop.folder)
    const after = await heldAfter()
    if (after === undefined) return
    if (after.contains(held) && held.union(purged).contains(after)) return
    throw this.#impossible([
      `it ends with the GTIDs ${held.toString()}, and the file that follows begins behind ${after.toString()}`,
    ])
  }

  /** The whole file, of which nothing but the checksums of its events says that it is true. */
  async #fetchAll(): Promise<void> {
    const { name, file, sources } = this.#options
    const { basePosition, sourcePosition } = file.facts.origin
    const tried: string[] = []
    if (basePosition !== sourcePosition) {
      tried.push(`what is before position ${basePosition} was made here, and no source has it`)
    }
    const start = FIRST_EVENT_POSITION
    const range = { from: start, to: file.size, start }
    for (const source of tried.length === 0 ? sources : []) {
      try {
        const end = await this.#shop.make(name, async (made) => {
          await made.write(BINLOG_MAGIC, 0)
          return await this.#take(source, range, made)
        })
        if (end === file.size) return void this.#from.add(source.name)
        tried.push(`${source.name} has ${end} bytes of it, and ${file.size} were stored`)
      } catch (thrown) {
        tried.push(reasonOf(thrown, source))
      }
      await this.#shop.clear(name)
    }
    throw this.#impossible(tried)
  }

  /** Returns false: the file is looked at by the new index afterwards. */
  async #fetchIndex(indexes: readonly IndexSource[]): Promise<boolean> {
    const { name, signal, progress } = this.#options
    const tried: string[] = []
    for (const source of indexes) {
      try {
        await this.#shop.make(theirs(name), async (made) => {
          let at = 0
          for await (const bytes of source.index(signal)) {
            await made.write(bytes, at)
            at += bytes.length
            progress(bytes.length)
          }
        })
        await takeOver(this.#options, this.#shop)
        this.#from.add(source.name)
        return false
      } catch (thrown) {
        tried.push(reasonOf(thrown, source))
        await this.#shop.clear(name)
      }
    }
    throw this.#impossible(tried)
  }

  // ---- both

  async #check(
    options: Pick<Parameters<typeof checkFile>[0], 'paths' | 'range'>,
  ): Promise<CheckedFile> {
    const { disk, folder, name, growing, signal } = this.#options
    const pace = async (): Promise<void> => {}
    const where = { disk, folder, name, signal, pace }
    const checked = await checkFile({ ...where, growing: growing(), ...options })
    if (checked !== undefined) return checked
    signal.throwIfAborted()
    throw this.#impossible(['the file is not there'])
  }

  async #replace(names: readonly string[]): Promise<void> {
    const { dryRun, file } = this.#options
    if (dryRun) return
    if (!file.isThere()) throw this.#impossible(['it was purged meanwhile'])
    await this.#shop.replace(names)
    await file.renew()
  }

  #impossible(reasons: readonly string[]): OperationalError {
    const { name } = this.#options
    const why = reasons.length === 0 ? 'nobody is there to ask for its bytes' : reasons.join('; ')
    const message = `${name} cannot be repaired: ${why}`
    return new OperationalError('E_REPAIR_IMPOSSIBLE', message, { file: name })
  }
}

/** What another try elsewhere may mend; anything else is thrown on. */
function reasonOf(thrown: unknown, { name }: Pick<RangeSource, 'name'>): string {
  const isTheirs =
    thrown instanceof ProtocolError ||
    (thrown instanceof OperationalError && thrown.code !== 'E_DISK_FULL')
  if (!isTheirs) throw thrown
  return `${name}: ${messageOf(thrown)}`
}

/** What must be had again: the bytes of a file's beginning are known, and those behind its end are none of it. */
function missingOf(damages: readonly DamagedRange[], size: number): MissingRange[] {
  return damages
    .map(({ from, to, start = FIRST_EVENT_POSITION }) => ({
      from: Math.max(from, FIRST_EVENT_POSITION),
      to: Math.min(to, size),
      start,
    }))
    .filter(({ from, to }) => from < to)
}

async function copy(
  from: DiskFile,
  to: DiskFile,
  part: {
    readonly from: number
    readonly to: number
    readonly buffer: Buffer
    readonly progress?: (bytes: number) => void
    readonly signal?: AbortSignal
  },
): Promise<void> {
  for (let at = part.from; at < part.to; ) {
    part.signal?.throwIfAborted()
    const wanted = part.buffer.subarray(0, Math.min(part.buffer.length, part.to - at))
    const read = await from.readAsync(wanted, at)
    // What a file lacks is seen when the copy is compared.
    if (read === 0) return
    await to.write(wanted.subarray(0, read), at)
    part.progress?.(read)
    at += read
  }
}
