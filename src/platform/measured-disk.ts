import { DISK_SECONDS, Histogram } from '../lib/index.ts'
import type { Clock } from './clock.ts'
import type { Disk, DiskFile } from './disk.ts'

/** Something that the disk was asked for and has not answered. */
export interface DiskOperation {
  readonly what: string
  readonly path: string
  /** by the monotonic clock */
  readonly beganMs: number
}

/** What a disk is being asked, and how long its syncs took. */
export class DiskFigures {
  /** what each fdatasync took, in seconds */
  readonly syncs = new Histogram(DISK_SECONDS)
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #pending = new Set<DiskOperation>()
  #lastSyncMs: number | undefined

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** What it has not answered for the longest time, and since when in milliseconds; undefined when it has all. */
  get oldest(): (DiskOperation & { readonly ageMs: number }) | undefined {
    const [first] = this.#pending
    return first && { ...first, ageMs: this.#clock.monotonicMs() - first.beganMs }
  }

  /** What the newest fdatasync took, in milliseconds; undefined before the first. */
  get lastSyncMs(): number | undefined {
    return this.#lastSyncMs
  }

  noteSync(tookMs: number): void {
    this.#lastSyncMs = tookMs
    this.syncs.observe(tookMs / 1000)
  }

  /** Notes the operation as asked for until the work has ended. */
  async during<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
    const operation = { what, path, beganMs: this.#clock.monotonicMs() }
    this.#pending.add(operation)
    try {
      return await work()
    } finally {
      this.#pending.delete(operation)
    }
  }

  async sync(path: string, work: () => Promise<void>): Promise<void> {
    const beganMs = this.#clock.monotonicMs()
    await this.during('fdatasync', path, work)
    this.noteSync(this.#clock.monotonicMs() - beganMs)
  }
}

/** The disk, with what it is asked noted. Reads are not: who waits for one says so. */
export function measuredDisk(disk: Disk, figures: DiskFigures): Disk {
  const during = figures.during.bind(figures)
  return {
    ...disk,
    open: (path, mode) =>
      during('open', path, async () => measuredFile(await disk.open(path, mode), figures)),
    replaceFile: (path, bytes) => during('write', path, () => disk.replaceFile(path, bytes)),
    makeFolder: (path) => during('mkdir', path, () => disk.makeFolder(path)),
    remove: (path) => during('unlink', path, () => disk.remove(path)),
    rename: (from, to) => during('rename', from, () => disk.rename(from, to)),
    syncFolder: (folder) => during('fsync', folder, () => disk.syncFolder(folder)),
  }
}

function measuredFile(file: DiskFile, figures: DiskFigures): DiskFile {
  const { path } = file
  const noted = (tookMs: number): number => {
    figures.noteSync(tookMs)
    return tookMs
  }
  return {
    path,
    size: () => file.size(),
    read: (target, position) => file.read(target, position),
    readAsync: (target, position) => file.readAsync(target, position),
    write(bytes, position) {
      const late = file.write(bytes, position)
      return late && figures.during('write', path, () => late)
    },
    writeAndSync(bytes, position) {
      const took = file.writeAndSync(bytes, position)
      if (typeof took === 'number') return noted(took)
      return figures.during('fdatasync', path, () => took.then(noted))
    },
    truncate: (size) => figures.during('truncate', path, () => file.truncate(size)),
    sync: () => figures.sync(path, () => file.sync()),
    close: () => file.close(),
  }
}
