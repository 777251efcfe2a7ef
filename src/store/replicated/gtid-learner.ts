/*
  Learns from the files which GTIDs are held at a place: for a node that follows, which is given bytes and does not
  look into them. It goes on where it stopped, in a window of the file, over bytes that have just been written.
*/
import { messageOf, ProtocolError } from '../../lib/index.ts'
import { FIRST_EVENT_POSITION, GtidSet } from '../../mysql/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import type { HeldAt } from '../index-file/index-directory.ts'
import { readClosing, readClosingSet } from '../index-file/index-scan.ts'
import type { ReadableFiles } from '../readable-files.ts'
import type { StoredFile } from '../stored-file.ts'
import { EventWalk } from '../walk/event-walk.ts'
import { readPreviousGtids } from '../walk/previous-gtids.ts'
import { TransactionFollower } from '../walk/transaction-follower.ts'

/** A place between transactions. */
export interface Place {
  readonly stored: StoredFile
  readonly position: number
}

interface Walking {
  readonly stored: StoredFile
  readonly data: DiskFile
  readonly walk: EventWalk
}

export class GtidLearner {
  readonly #disk: Disk
  readonly #files: ReadableFiles
  #walking: Walking | undefined

  constructor(disk: Disk, files: ReadableFiles) {
    this.#disk = disk
    this.#files = files
  }

  /**
   * GTIDs that are held at a place and may be more than what is held at the visible end.
   * @throws OperationalError E_STORE_DAMAGED, naming file and position
   */
  async heldAt({ stored, position }: Place): Promise<GtidSet> {
    const shown = this.#files.visible.value
    const start =
      shown?.file === stored.name
        ? { position: shown.position, held: GtidSet.empty() }
        : await this.#startIn(stored, position)
    if (start.position < position) {
      await this.#walkFrom(stored, start.position)
      start.held.addAll(await this.#walkTo(position))
    }
    return start.held
  }

  /** Closes the file of the walk, if it is one of these. */
  async leave(files: readonly StoredFile[]): Promise<void> {
    if (this.#walking !== undefined && files.includes(this.#walking.stored)) await this.close()
  }

  async close(): Promise<void> {
    const walking = this.#walking
    this.#walking = undefined
    await walking?.data.close()
  }

  /** The newest place up to `position` of which the index tells what is held, or the beginning. */
  async #startIn(stored: StoredFile, position: number): Promise<HeldAt> {
    await stored.acquire()
    try {
      for (const one of stored.directory.setPlaces()) {
        const place = one.load()
        if (place.position <= position) return place
      }
    } finally {
      await stored.release(this.#files.active?.stored === stored)
    }
    const { all } = this.#files.held
    const before = all[all.indexOf(stored) - 1]
    const held = before && (await readHeldAtEnd(this.#disk, before))
    const { contact } = stored.facts
    // Where the index before does not say it, the file does, if it has come so far.
    if (before !== undefined && held === undefined)
      await this.#requirePrevious(stored, position, before)
    return { position: FIRST_EVENT_POSITION, held: held?.union(contact) ?? contact.clone() }
  }

  async #requirePrevious(stored: StoredFile, position: number, before: StoredFile): Promise<void> {
    const data = await this.#disk.open(stored.path, 'read')
    try {
      if (typeof (await readPreviousGtids(data, position)) !== 'string') return
    } finally {
      await data.close()
    }
    throw damaged(indexNameOf(before.name), 0, `what is held before ${stored.name} cannot be told`)
  }

  async #walkFrom(stored: StoredFile, from: number): Promise<void> {
    const { walk, stored: walked } = this.#walking ?? {}
    if (walked === stored && walk?.position === from) return
    await this.close()
    const data = await this.#disk.open(stored.path, 'read')
    try {
      const fresh = new EventWalk(data, { from, limit: from, verifyFrom: from })
      this.#walking = { stored, data, walk: fresh }
    } catch (thrown) {
      await data.close()
      throw thrown instanceof ProtocolError ? damaged(stored.name, 4, messageOf(thrown)) : thrown
    }
  }

  async #walkTo(position: number): Promise<GtidSet> {
    const held = GtidSet.empty()
    if (this.#walking === undefined) return held
    const { walk, stored } = this.#walking
    const follower = new TransactionFollower(walk, held)
    walk.extend(position)
    try {
      while (await walk.load()) {
        for (let event = walk.next(); event !== undefined; event = walk.next()) {
          follower.take(event)
        }
      }
      follower.settle()
      if (walk.position === position && !follower.inTransaction) return held
      throw new ProtocolError(walk.fault?.why ?? 'it is no place between transactions')
    } catch (thrown) {
      await this.close()
      if (!(thrown instanceof ProtocolError)) throw thrown
      throw damaged(stored.name, walk.position, messageOf(thrown))
    }
  }
}

/** GTIDs held at the end of a file that is closed; undefined when its index does not say, or is not there. */
export async function readHeldAtEnd(disk: Disk, stored: StoredFile): Promise<GtidSet | undefined> {
  if (!(await disk.exists(stored.indexPath))) return undefined
  const index = await disk.open(stored.indexPath, 'read')
  try {
    const closing = readClosing(index)
    return closing && readClosingSet(index, closing)
  } finally {
    await index.close()
  }
}
