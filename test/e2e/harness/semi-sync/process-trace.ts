import { closeSync, openSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeRunFolder } from '../project.ts'

const preload = fileURLToPath(new URL('trace-syncs.mjs', import.meta.url))
const READ_BYTES = 64 * 1024

/** How far a file was on the disk from a time on. */
interface Durable {
  readonly sinceNs: bigint
  readonly end: number
}

/**
 * What a Kingbus process has synced and sent, in its own order (trace-syncs.mjs); it goes on over restarts. All
 * processes of a machine have the same monotonic clock.
 */
export class ProcessTrace {
  readonly #path = join(makeRunFolder('trace'), 'trace')
  /** by the name of the binlog file, in the order of time */
  readonly #durable = new Map<string, Durable[]>()
  /** times at which a packet (in hex) was sent and that were not asked for yet */
  readonly #sent = new Map<string, bigint[]>()
  #read = 0
  #rest = ''

  constructor() {
    closeSync(openSync(this.#path, 'a'))
  }

  /** What the process has to be started with. */
  get env(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import=${preload}`, SYNC_TRACE: this.#path }
  }

  /** When this process sent the packet, each time of several once; undefined when it did not. */
  takeSent(packet: Buffer): bigint | undefined {
    this.#readOn()
    return this.#sent.get(packet.toString('hex'))?.shift()
  }

  /** Up to which position the file was on the disk at that time; 0 when it was not there. */
  durableEnd(file: string, atNs: bigint): number {
    this.#readOn()
    return this.#durable.get(file)?.findLast(({ sinceNs }) => sinceNs <= atNs)?.end ?? 0
  }

  #readOn(): void {
    const fd = openSync(this.#path, 'r')
    const buffer = Buffer.alloc(READ_BYTES)
    for (;;) {
      const size = readSync(fd, buffer, 0, buffer.length, this.#read)
      if (size === 0) break
      this.#read += size
      const lines = (this.#rest + buffer.toString('latin1', 0, size)).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.#take(line)
    }
    closeSync(fd)
  }

  #take(line: string): void {
    const [time = '', what = '', first = '', path = ''] = line.split(' ')
    const atNs = BigInt(time)
    if (what === 'sent') {
      this.#sent.set(first, [...(this.#sent.get(first) ?? []), atNs])
      return
    }
    const file = basename(path)
    if (!/\.\d+$/.test(file)) return
    const before = this.#durable.get(file) ?? []
    const last = before.at(-1)?.end ?? 0
    const size = Number(first)
    const end = what === 'cut' ? Math.min(last, size) : Math.max(last, size)
    if (end !== last) this.#durable.set(file, [...before, { sinceNs: atNs, end }])
  }
}
