import { DISK_LOOK_MS } from '../../config/index.ts'
import type { Chunk, FileBegin, Journal, LogEnd } from '../../journal/index.ts'
import { formatBytes, OperationalError, systemCodeOf } from '../../lib/index.ts'
import type { Clock, Disk, DiskSpace } from '../../platform/index.ts'

export interface RoomOptions {
  readonly disk: Disk
  readonly folder: string
  /** bytes */
  readonly minFree: number
}

/** A journal that takes nothing while less than `disk.min-free` is free; what it has stays served. */
export class RoomJournal implements Journal {
  readonly #inner: Journal
  readonly #options: RoomOptions
  #space: DiskSpace | undefined

  constructor(inner: Journal, options: RoomOptions) {
    this.#inner = inner
    this.#options = options
  }

  /** Keeps looking at the disk until the signal fires: a write cannot wait for the answer itself. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look()
      await clock.sleep(DISK_LOOK_MS, signal)
    }
  }

  async look(): Promise<void> {
    const { disk, folder } = this.#options
    try {
      this.#space = await disk.space(folder)
    } catch (thrown) {
      // A disk that is gone is told of by whoever writes; what was found last holds until it is back.
      if (systemCodeOf(thrown) === undefined) throw thrown
    }
  }

  /** As it was looked at last: to ask now may take as long as the disk does. */
  get space(): DiskSpace {
    return this.#space ?? { totalBytes: 0, freeBytes: 0, isReadOnly: false }
  }

  /** Whether it takes more at the moment. */
  get hasRoom(): boolean {
    return this.#space === undefined || this.#space.freeBytes >= this.#options.minFree
  }

  async append(chunk: Chunk): Promise<number> {
    this.#requireRoom()
    return await this.#inner.append(chunk)
  }

  openSession(signal: AbortSignal): Promise<LogEnd | undefined> {
    return this.#inner.openSession(signal)
  }

  closeSession(): void {
    this.#inner.closeSession()
  }

  /** A file's beginning is small and always let through; its first piece waits for room. */
  beginFile(begin: FileBegin): Promise<void> {
    return this.#inner.beginFile(begin)
  }

  purge(upTo: string): Promise<void> {
    return this.#inner.purge(upTo)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  heldGtids() {
    return this.#inner.heldGtids()
  }

  lastTransaction() {
    return this.#inner.lastTransaction()
  }

  get committed() {
    return this.#inner.committed
  }

  get visible() {
    return this.#inner.visible
  }

  get unsyncedBytes() {
    return this.#inner.unsyncedBytes
  }

  get failed() {
    return this.#inner.failed
  }

  get end() {
    return this.#inner.end
  }

  get origin() {
    return this.#inner.origin
  }

  #requireRoom(): void {
    if (!this.hasRoom) throw this.tooLittle()
  }

  /** What is told where less than `disk.min-free` is free. */
  tooLittle(): OperationalError {
    const { folder, minFree } = this.#options
    const { freeBytes } = this.space
    return new OperationalError(
      'E_DISK_FULL',
      `only ${formatBytes(freeBytes)} are free at ${folder}, less than disk.min-free ` +
        `(${formatBytes(minFree)}): make room, or set a lower disk.min-free or a retention`,
      { freeBytes, minFree },
    )
  }
}
