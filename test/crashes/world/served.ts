import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import {
  BINLOG_MAGIC,
  decodeGtidEvent,
  EventType,
  GtidSet,
  isGtidEvent,
  readEventHeader,
} from '../../../src/mysql/index.ts'
import { makeRunFolder } from '../../e2e/harness/project.ts'
import { DumpFollower } from '../../endurance/dump-follower.ts'

/** Not in the file: what the server says of itself and of the file that follows. */
const ASIDE: readonly number[] = [EventType.HEARTBEAT, EventType.HEARTBEAT_V2]

/**
 * A client that reads a node's dump all the time and keeps what it was served: the files, as they would be, and the
 * transactions. What it has must never be missing afterwards.
 */
export class Served {
  readonly #folder = makeRunFolder('served')
  readonly #files = new Map<string, number>()
  readonly #follower: DumpFollower
  readonly gtids = GtidSet.empty()

  constructor(port: number, serverId: number) {
    mkdirSync(this.#folder, { recursive: true })
    this.#follower = DumpFollower.start({
      port,
      serverId,
      file: '',
      onEvent: (type, event) => this.#keep(type, event),
    })
  }

  /** The files that it was served something of. */
  files(): { readonly name: string; readonly path: string }[] {
    return [...this.#files.keys()].map((name) => ({ name, path: join(this.#folder, name) }))
  }

  /** why its last dump ended */
  get lastError(): string {
    return this.#follower.lastError
  }

  async stop(): Promise<void> {
    await this.#follower.stop()
    for (const file of this.#files.values()) closeSync(file)
  }

  #keep(type: number, event: Buffer): void {
    const { logPos } = readEventHeader(event)
    // What the server makes up has no place in the file.
    if (logPos === 0 || ASIDE.includes(type)) return
    writeSync(this.#fileOf(this.#follower.file), event, 0, event.length, logPos - event.length)
    if (!isGtidEvent(type)) return
    const { gtid } = decodeGtidEvent(event, 'CRC32')
    if (gtid !== undefined) this.gtids.add(gtid)
  }

  #fileOf(name: string): number {
    const known = this.#files.get(name)
    if (known !== undefined) return known
    const file = openSync(join(this.#folder, name), 'w')
    ftruncateSync(file, 0)
    writeSync(file, BINLOG_MAGIC, 0, BINLOG_MAGIC.length, 0)
    this.#files.set(name, file)
    return file
  }
}
