import { type Logger, messageOf, OperationalError, present, Watch } from '../lib/index.ts'
import {
  decodeFormatDescription,
  EVENT_HEADER_SIZE,
  FIRST_EVENT_POSITION,
  type Flavor,
  readEventHeader,
} from '../mysql/index.ts'
import { type BinlogStore, RECORD_BYTES_MAX } from '../store/index.ts'

/** What is told before the first file is there: the newest MySQL whose protocol we speak. */
const VERSION_UNTIL_KNOWN = '9.7.0'
const VERSION_SUFFIX = '-kingbus'

/** What the newest file's FORMAT_DESCRIPTION says; looked up at each new file. */
export class FormatFacts {
  readonly #store: Pick<BinlogStore, 'visible' | 'openFile'>
  readonly #logger: Logger
  #file: string | undefined
  #version = VERSION_UNTIL_KNOWN
  #serverId = 0
  #checksum: 'CRC32' | 'NONE' = 'CRC32'
  #flavor: Flavor = 'mysql'

  constructor(store: Pick<BinlogStore, 'visible' | 'openFile'>, logger: Logger) {
    this.#store = store
    this.#logger = logger
  }

  /** begins with digits, as every client expects; has -MariaDB where that is what clients look for */
  get version(): string {
    return `${this.#version}${this.#flavor === 'mariadb' ? '-MariaDB' : ''}${VERSION_SUFFIX}`
  }

  /** MySQL while nobody knows */
  get flavor(): Flavor {
    return this.#flavor
  }

  /** of the source that wrote it */
  get serverId(): number {
    return this.#serverId
  }

  get checksum(): 'CRC32' | 'NONE' {
    return this.#checksum
  }

  async run(signal: AbortSignal): Promise<void> {
    const { visible } = this.#store
    // Most of what becomes visible lies in the file that was looked at; nobody is woken for that.
    const newFile = new Watch(visible.value?.file)
    const stopFollowing = visible.follow((end) => {
      if (end?.file !== this.#file) newFile.set(end?.file)
    })
    try {
      while (!signal.aborted) {
        const seen = visible.value
        await this.look()
        // Of a file that has just begun there may be too little to read.
        const isUnread = this.#file !== visible.value?.file
        if (isUnread && visible.value !== seen) continue
        await (isUnread ? visible : newFile).changed(signal)
      }
    } finally {
      stopFollowing()
    }
  }

  async look(): Promise<void> {
    const file = this.#store.visible.value?.file
    if (file === undefined || file === this.#file) return
    this.#file = file
    try {
      await this.#read(file)
    } catch (thrown) {
      // A damaged or just purged file: what the one before said goes on to hold.
      if (!(thrown instanceof OperationalError)) throw thrown
      this.#logger.warn({ file, error: messageOf(thrown) }, 'the version of a file cannot be read')
    }
  }

  async #read(name: string): Promise<void> {
    const file = await this.#store.openFile(name)
    try {
      // The store checks whole records, so it wants room for one, though the event has a few hundred bytes.
      const { bytes } = file.read(FIRST_EVENT_POSITION, Buffer.alloc(RECORD_BYTES_MAX))
      if (bytes.length < EVENT_HEADER_SIZE) {
        this.#file = undefined
        return
      }
      const { size, serverId } = readEventHeader(bytes)
      const format = decodeFormatDescription(bytes.subarray(0, size))
      this.#version = present(/^[\d.]+/.exec(format.serverVersion)?.[0], 'a version number')
      this.#serverId = serverId
      this.#checksum = format.checksum
      this.#flavor = format.flavor
    } finally {
      await file.close()
    }
  }
}
