import { messageOf, ProtocolError } from '../lib/index.ts'
import {
  decodeFormatDescription,
  decodeGtidEvent,
  decodePreviousGtids,
  EventType,
  FIRST_EVENT_POSITION,
  type FormatDescription,
  type GtidSet,
  isGtidEvent,
  isPreviousGtids,
} from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'
import { EventWalk, type WalkedEvent } from '../store/index.ts'
import { type FileKind, kindOf } from './file-kind.ts'
import { refused } from './refusal.ts'

export interface FileHead {
  readonly path: string
  /** when it was looked at: what a server writes behind that is not taken */
  readonly size: number
  readonly format: FormatDescription
  /** of the server that wrote it */
  readonly serverId: number
  /** GTIDs of everything before it */
  readonly previous: GtidSet
  /** whose its first transaction is; undefined where it has none */
  readonly firstOrigin: string | undefined
}

const KINDS: Readonly<Record<Exclude<FileKind, 'binlog'>, string>> = {
  'relay log': "it is a relay log of a replica; import the source's binlogs, or the replica's own",
  encrypted:
    'it is encrypted by the server; fetch the files from the running server instead, which decrypts them: ' +
    'mysqlbinlog --read-from-remote-source=BINLOG-DUMP-GTIDS --raw --to-last-log',
  empty: 'it has no events; leave it out',
  'something else': 'it is no binlog file; unpack it where it is compressed',
}

/** @throws OperationalError E_IMPORT_REFUSED */
export async function readHead(disk: Disk, path: string): Promise<FileHead> {
  const kind = await kindOf(disk, path)
  if (kind !== 'binlog') throw refused(path, KINDS[kind])
  const file = await disk.open(path, 'read')
  try {
    const size = file.size()
    const from = FIRST_EVENT_POSITION
    const walk = new EventWalk(file, { from, limit: size, verifyFrom: from })
    const found = await new HeadReader(path, walk).read()
    return { path, size, ...found }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    throw refused(path, messageOf(thrown), { cause: thrown })
  } finally {
    await file.close()
  }
}

class HeadReader {
  readonly #path: string
  readonly #walk: EventWalk
  #format: FormatDescription | undefined
  #serverId = 0
  #previous: GtidSet | undefined

  constructor(path: string, walk: EventWalk) {
    this.#path = path
    this.#walk = walk
  }

  /** Reads up to the first transaction. */
  async read(): Promise<Omit<FileHead, 'path' | 'size'>> {
    let firstOrigin: string | undefined
    while (firstOrigin === undefined && (await this.#walk.load())) {
      for (let event = this.#walk.next(); event !== undefined; event = this.#walk.next()) {
        firstOrigin = this.#take(event)
        if (firstOrigin !== undefined) break
      }
    }
    if (this.#format === undefined || this.#previous === undefined) throw this.#incomplete()
    const format = this.#format
    return { format, serverId: this.#serverId, previous: this.#previous, firstOrigin }
  }

  #take(event: WalkedEvent): string | undefined {
    const { type } = event
    if (this.#format === undefined) {
      this.#format = decodeFormatDescription(this.#walk.whole(event))
      this.#serverId = event.serverId
    } else if (type === EventType.MARIADB_START_ENCRYPTION) {
      throw refused(this.#path, KINDS.encrypted)
    } else if (isPreviousGtids(type)) {
      this.#previous ??= decodePreviousGtids(this.#walk.whole(event), this.#walk.checksum)
    } else if (this.#previous === undefined) {
      throw this.#incomplete()
    } else if (isGtidEvent(type)) {
      const { gtid } = decodeGtidEvent(this.#walk.whole(event), this.#walk.checksum)
      if (gtid === undefined) throw refused(this.#path, anonymous(event.position))
      return gtid.origin
    }
    return undefined
  }

  #incomplete(): Error {
    const what = 'it does not begin with FORMAT_DESCRIPTION and PREVIOUS_GTIDS or GTID_LIST'
    return refused(
      this.#path,
      `${what}; a file that was only begun, or one without GTIDs, is left out`,
    )
  }
}

function anonymous(position: number): string {
  return (
    `it has an anonymous transaction, without a GTID, at ${position}; ` +
    'give only the files behind the last one with such'
  )
}
