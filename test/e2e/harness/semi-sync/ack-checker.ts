import { connect, createServer, type Server, type Socket } from 'node:net'
import { crc32 } from '../../../../src/lib/index.ts'
import { replicationUser } from '../mysqld.ts'
import { joinForLife, portOf, type SocketPair } from '../network/joined.ts'
import { type PacketHead, PacketHeads } from './packet-heads.ts'
import type { ProcessTrace } from './process-trace.ts'

/** Header, marker, mark and a ROTATE with the longest name fit. */
const HEAD_BYTES = 700
const COM_QUERY = 0x03
const DUMPS = { 0x12: 'file', 0x1e: 'gtid' } as const
const SEMI_SYNC_MAGIC = 0xef
const EVENT_HEADER_SIZE = 19
const ROTATE = 4
/** Nothing of the file lies before it. */
const FILE_START = 4

export interface AckCheckerOptions {
  /** where the source is, or what stands before it */
  readonly port: number
  /** of each node, in whatever order */
  readonly traces: readonly ProcessTrace[]
  /** so many nodes must have on their disks what is acknowledged; default all */
  readonly nodes?: number
  /** Kingbus's files do not have the source's positions, so that nothing can be said of its disks */
  readonly otherPositions?: boolean
}

interface Place {
  readonly file: string
  readonly position: number
}

/**
 * Stands between Kingbus and its source (without TLS), reads both directions, and compares what is acknowledged with
 * what the source asked for and with what was on the disks when it was sent. An acknowledgement is right when it
 *
 *   has packet sequence 0 and the shape of MySQL's own,
 *   names the end of an event that this dump has marked as waited for,
 *   lies behind all that were sent before, on whatever connection, by whatever node,
 *   was on the disks of enough nodes when it was handed to the socket.
 *
 * A semi-sync dump acknowledges all before its place: that is held to the last two as well.
 */
export class AckChecker {
  readonly #options: AckCheckerOptions
  readonly #server: Server
  readonly #pairs = new Set<SocketPair>()
  readonly violations: string[] = []
  acks = 0
  /** semi-sync dumps that were asked for */
  dumps = 0
  /** events that the source has marked as waited for */
  asked = 0
  #newest: Place | undefined

  static async start(options: AckCheckerOptions): Promise<AckChecker> {
    const checker = new AckChecker(options)
    await new Promise<void>((resolve) => checker.#server.listen(0, '127.0.0.1', resolve))
    return checker
  }

  private constructor(options: AckCheckerOptions) {
    this.#options = options
    this.#server = createServer((client) => this.#join(client))
    this.#server.unref()
  }

  get port(): number {
    return portOf(this.#server)
  }

  get sourceUrl(): string {
    return `mysql://${replicationUser}@127.0.0.1:${this.port}`
  }

  /** The newest place that was acknowledged. */
  get newest(): Place | undefined {
    return this.#newest
  }

  #join(client: Socket): void {
    const target = connect(this.#options.port, '127.0.0.1')
    const pair = [client, target] as const
    const link = new Link({
      acknowledged: (place, packet) => this.#acknowledged(place, packet),
      violated: (what) => this.violations.push(what),
      begun: (place, packet) => {
        this.dumps += 1
        this.#safe(place, packet, 'a semi-sync dump from')
      },
      asked: () => {
        this.asked += 1
      },
    })
    joinForLife(pair, this.#pairs)
    client.on('data', (bytes) => {
      link.fromKingbus.push(bytes)
      if (!target.write(bytes)) client.pause()
    })
    target.on('data', (bytes) => {
      link.fromSource.push(bytes)
      if (!client.write(bytes)) target.pause()
    })
    client.on('drain', () => target.resume())
    target.on('drain', () => client.resume())
  }

  #acknowledged(place: Place, packet: Buffer): void {
    this.acks += 1
    if (this.#newest !== undefined && !isBehind(place, this.#newest)) {
      const before = textOf(this.#newest)
      this.violations.push(`${textOf(place)} was acknowledged after ${before}`)
    }
    this.#newest = place
    this.#safe(place, packet, 'an acknowledgement of')
  }

  #safe(place: Place, packet: Buffer, what: string): void {
    const { traces, nodes = traces.length, otherPositions = false } = this.#options
    if (otherPositions || place.position <= FILE_START) return
    const sentNs = traces.map((trace) => trace.takeSent(packet)).find((time) => time !== undefined)
    if (sentNs === undefined) {
      this.violations.push(`${what} ${textOf(place)} was sent by no process that is traced`)
      return
    }
    const ends = traces.map((trace) => trace.durableEnd(place.file, sentNs))
    if (ends.filter((end) => end >= place.position).length >= nodes) return
    const text = `${what} ${textOf(place)} was sent while the disks had it up to ${ends.join(', ')}`
    this.violations.push(text)
  }
}

interface LinkListener {
  acknowledged(place: Place, packet: Buffer): void
  violated(what: string): void
  /** a semi-sync dump */
  begun(from: Place, packet: Buffer): void
  asked(): void
}

/** One connection of Kingbus's to the source. */
class Link {
  readonly fromKingbus: PacketHeads
  readonly fromSource: PacketHeads
  readonly #listener: LinkListener
  #isSemiSync = false
  #isDumping = false
  #file = ''
  /** ends of events that the source has marked, and that were not acknowledged */
  readonly #asked = new Set<string>()

  constructor(listener: LinkListener) {
    this.#listener = listener
    this.fromKingbus = new PacketHeads(HEAD_BYTES, (packet) => this.#command(packet))
    this.fromSource = new PacketHeads(HEAD_BYTES, (packet) => this.#event(packet))
  }

  #command({ sequence, head, size }: PacketHead): void {
    if (this.#isDumping) return this.#acknowledgement(sequence, head, size)
    // A login's packets have other numbers.
    if (sequence !== 0) return
    const command = head[0] ?? 0
    if (command === COM_QUERY) {
      this.#isSemiSync ||= /@rpl_semi_sync_(replica|slave)\s*=\s*1/i.test(head.toString('latin1'))
    } else if (command in DUMPS && this.#isSemiSync) {
      this.#isDumping = true
      this.#listener.begun(placeOfDump(head), packetOf(head))
    }
  }

  #acknowledgement(sequence: number, head: Buffer, size: number): void {
    const file = head.toString('latin1', 9)
    const place = { file, position: Number(head.readBigUInt64LE(1)) }
    const text = textOf(place)
    if (sequence !== 0) {
      this.#listener.violated(`an acknowledgement has packet sequence ${sequence}`)
    }
    if (head[0] !== SEMI_SYNC_MAGIC || size !== head.length || !/^[^\0]+\.\d+$/.test(file)) {
      this.#listener.violated(`an acknowledgement is ${head.toString('hex')}`)
    }
    if (!this.#asked.has(text)) this.#listener.violated(`nobody has asked for ${text}`)
    for (const asked of this.#asked) {
      this.#asked.delete(asked)
      if (asked === text) break
    }
    this.#listener.acknowledged(place, packetOf(head))
  }

  #event({ head }: PacketHead): void {
    // Also the end of a dump: an EOF or ERR packet.
    if (!this.#isDumping || head[0] !== 0) return
    if (head[1] !== SEMI_SYNC_MAGIC) {
      this.#listener.violated(`the source does not mark its events: ${head.toString('hex', 0, 8)}`)
      return
    }
    const event = head.subarray(3)
    if (event[4] === ROTATE) this.#file = fileOfRotate(event)
    if (head[2] !== 1) return
    this.#asked.add(textOf({ file: this.#file, position: event.readUInt32LE(13) }))
    this.#listener.asked()
  }
}

/** u8 command | u16 flags | u32 server id | u32 size of the name | name | u64 position; or the older one. */
function placeOfDump(head: Buffer): Place {
  if (head[0] === 0x12) return { file: head.toString('latin1', 11), position: head.readUInt32LE(1) }
  const nameEnd = 11 + head.readUInt32LE(7)
  return {
    file: head.toString('latin1', 11, nameEnd),
    position: Number(head.readBigUInt64LE(nameEnd)),
  }
}

function packetOf(payload: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header.writeUIntLE(payload.length, 0, 3)
  return Buffer.concat([header, payload])
}

function fileOfRotate(event: Buffer): string {
  const checksum = event.length - 4
  const isChecked = crc32(event.subarray(0, checksum)) === event.readUInt32LE(checksum)
  return event.toString('latin1', EVENT_HEADER_SIZE + 8, isChecked ? checksum : event.length)
}

function isBehind(place: Place, before: Place): boolean {
  const [number, other] = [numberOf(place.file), numberOf(before.file)]
  return number > other || (number === other && place.position > before.position)
}

const numberOf = (file: string): number => Number(file.slice(file.lastIndexOf('.') + 1))
const textOf = ({ file, position }: Place): string => `${file}:${position}`
