import { Buffer } from 'node:buffer'
import {
  BINLOG_MAGIC,
  Capability,
  COLLATION_UTF8MB4,
  ColumnType,
  Command,
  DumpFlag,
  decodeComBinlogDump,
  decodeComBinlogDumpGtid,
  EventFlag,
  encodeEof,
  encodeErr,
  encodeGreeting,
  encodeHeartbeat,
  encodeOk,
  encodePackets,
  encodeResultSet,
  encodeRotate,
  GtidSet,
  MYSQL_NATIVE_PASSWORD,
  nextSequence,
  rewriteFormatDescription,
  SCRAMBLE_SIZE,
  SEMI_SYNC_MAGIC,
  STATUS_AUTOCOMMIT,
} from '../../../src/mysql/index.ts'
import { SOURCE_SERVER_ID } from './events.ts'
import type { WrittenFile } from './history.ts'
import type { AskingDump } from './semi-sync-plugin.ts'
import type { SourceServer } from './server.ts'
import type { SimulatedSocket } from './socket.ts'

/** More is not on its way to one client: the dump goes on when it was taken. */
const SENT_BYTES_MAX = 256 * 1024

const CAPABILITIES =
  Capability.LONG_PASSWORD |
  Capability.PROTOCOL_41 |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.CONNECT_ATTRS

interface Dump {
  file: WrittenFile
  position: number
  readonly nonBlocking: boolean
  /** transactions that are left out */
  readonly held: GtidSet
}

/** One connection at the source, from the greeting to its end. */
export class SourceSession {
  readonly #server: SourceServer
  readonly #socket: SimulatedSocket
  #unread: Buffer = Buffer.alloc(0)
  #isLoggedIn = false
  #isOver = false
  #sequence = 0
  #heartbeatMs = 0
  #dump: Dump | undefined
  /** what was announced as a semi-sync dump */
  #asking: AskingDump | undefined
  #cancelBeat = (): void => {}

  constructor(server: SourceServer, socket: SimulatedSocket) {
    this.#server = server
    this.#socket = socket
    socket.connected({
      received: (bytes) => this.#received(bytes),
      drained: () => this.pump(),
      closed: () => this.#close(),
    })
    this.#packet(
      encodeGreeting({
        version: '9.7.4',
        connectionId: 7,
        scramble: Buffer.alloc(SCRAMBLE_SIZE, 'scramble'),
        capabilities: CAPABILITIES,
        collation: COLLATION_UTF8MB4,
        status: STATUS_AUTOCOMMIT,
        authPlugin: MYSQL_NATIVE_PASSWORD,
      }),
    )
  }

  /** As a server does that shuts down: a dump ends with EOF. */
  end(): void {
    if (this.#dump !== undefined) this.#packet(encodeEof())
    this.#finish()
  }

  /** A commit waits for an acknowledgement by this dump. */
  get waits(): boolean {
    return this.#asking?.waits === true && !this.#socket.isOrphaned
  }

  cut(): void {
    this.#socket.refuse('ECONNRESET')
  }

  /** Sends what there is to send, as far as the client takes it. */
  pump(): void {
    const dump = this.#dump
    if (dump === undefined || this.#isOver || !this.#server.isUp) return
    const { clock, silentUntilMs } = this.#server
    if (clock.monotonicMs() < silentUntilMs) {
      clock.after(silentUntilMs - clock.monotonicMs(), () => this.pump())
      return
    }
    while (!this.#isOver && this.#socket.coming < SENT_BYTES_MAX) {
      if (this.#sendNext(dump)) continue
      if (dump.nonBlocking) {
        this.#packet(encodeEof())
        this.#finish()
      } else {
        this.#beatLater()
      }
      return
    }
  }

  #close(): void {
    this.#isOver = true
    this.#cancelBeat()
    this.#server.left(this)
  }

  #finish(): void {
    this.#isOver = true
    this.#cancelBeat()
    this.#socket.finish()
  }

  #received(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes])
    while (this.#unread.length >= 4 && !this.#isOver) {
      const size = this.#unread.readUIntLE(0, 3)
      if (this.#unread.length < 4 + size) return
      const sequence = this.#unread[3] ?? 0
      const payload = this.#unread.subarray(4, 4 + size)
      this.#unread = this.#unread.subarray(4 + size)
      this.#take(sequence, payload)
    }
  }

  #take(sequence: number, payload: Buffer): void {
    // Nothing answers it: the packets of the dump count on.
    if (this.#dump !== undefined && payload[0] === SEMI_SYNC_MAGIC) {
      return this.#asking?.acknowledged(payload)
    }
    this.#sequence = nextSequence(sequence)
    if (this.#isLoggedIn) this.#command(payload)
    else this.#logIn()
  }

  #logIn(): void {
    this.#isLoggedIn = true
    this.#packet(encodeOk())
  }

  #command(payload: Buffer): void {
    switch (payload[0] ?? Command.QUIT) {
      case Command.QUERY:
        return this.#query(payload.toString('utf8', 1))
      case Command.REGISTER_REPLICA:
        return this.#packet(encodeOk())
      case Command.BINLOG_DUMP: {
        const { file, position, flags } = decodeComBinlogDump(payload)
        const found = file === '' ? this.#server.history.kept[0] : this.#find(file)
        return this.#beginDump(found, { position, flags, held: GtidSet.empty() })
      }
      case Command.BINLOG_DUMP_GTID: {
        const { file, position, flags, gtidSet } = decodeComBinlogDumpGtid(payload)
        const held = GtidSet.decode(gtidSet)
        const found = file === '' ? this.#findFor(held) : this.#find(file)
        return this.#beginDump(found, { position: Number(position), flags, held })
      }
      default:
        return this.cut()
    }
  }

  #query(sql: string): void {
    const period = /@source_heartbeat_period = (\d+)/.exec(sql)?.[1]
    if (period !== undefined) this.#heartbeatMs = Number(period) / 1e6
    if (sql.includes('@rpl_semi_sync_replica = 1')) {
      this.#asking = this.#server.semiSync?.beginDump()
    }
    const row = this.#server.answer(sql)
    if (row === undefined) {
      this.#packet(encodeOk())
      return
    }
    const columns = Object.keys(row).map((name) => ({
      name,
      type: ColumnType.VAR_STRING,
      length: 1000,
      collation: COLLATION_UTF8MB4,
      flags: 0,
      decimals: 0,
    }))
    const packets = encodeResultSet({ columns, rows: [Object.values(row)] }, false)
    for (const packet of packets) this.#packet(packet)
  }

  #find(name: string): WrittenFile | undefined {
    return this.#server.history.kept.find((file) => file.name === name)
  }

  /** The newest file before which nothing is that is not in the set. */
  #findFor(held: GtidSet): WrittenFile | undefined {
    return this.#server.history.kept.findLast(({ previous }) => held.contains(previous))
  }

  #beginDump(
    file: WrittenFile | undefined,
    { position, flags, held }: { position: number; flags: number; held: GtidSet },
  ): void {
    if (file === undefined) {
      return this.#refuse(
        held.isEmpty
          ? 'Could not find first log file name in binary log index file'
          : 'Cannot replicate because the source purged required binary logs.',
      )
    }
    if (position > file.size) {
      return this.#refuse('Client requested source to start replication from position > file size')
    }
    const nonBlocking = (flags & DumpFlag.NON_BLOCK) !== 0
    this.#dump = { file, position, nonBlocking, held }
    this.#enter(file, position)
    if (position > BINLOG_MAGIC.length) {
      const description = Buffer.from(file.bytes.view(4, file.events[0]?.end))
      this.#event(rewriteFormatDescription(description, { created: 0 }))
      const isBetween = file.events.some((event) => event.end === position)
      if (!isBetween) return this.#refuse('bogus data in log event; the first event')
    }
    this.pump()
  }

  #refuse(message: string): void {
    this.#packet(encodeErr({ code: 1236, sqlState: 'HY000', message }))
    this.#finish()
  }

  /** The next event, or the way to the next file; false when there is nothing more yet. */
  #sendNext(dump: Dump): boolean {
    const { file, position } = dump
    if (position < file.size) {
      const index = file.events.findIndex((one) => one.position === position)
      const event = file.events[index]
      if (event === undefined) throw new Error(`no event at ${file.name}:${position}`)
      const behind = endOfHeld(file, index, dump.held)
      if (behind !== undefined) {
        dump.position = behind
        return true
      }
      const isAsked = this.#asking?.asks(file.name, event) === true
      this.#event(Buffer.from(file.bytes.view(event.position, event.end)), isAsked)
      dump.position = event.end
      return true
    }
    const { files } = this.#server.history
    const next = files[files.indexOf(file) + 1]
    if (next === undefined) return false
    dump.file = next
    dump.position = BINLOG_MAGIC.length
    this.#enter(next, dump.position)
    return true
  }

  #enter({ name }: WrittenFile, position: number): void {
    this.#event(
      encodeRotate({
        file: name,
        position: BigInt(position),
        timestamp: 0,
        serverId: SOURCE_SERVER_ID,
        logPos: 0,
        flags: EventFlag.ARTIFICIAL,
        checksum: 'CRC32',
      }),
    )
  }

  #beatLater(): void {
    this.#cancelBeat()
    if (this.#heartbeatMs === 0) return
    this.#cancelBeat = this.#server.clock.after(this.#heartbeatMs, () => {
      const dump = this.#dump
      if (dump === undefined || this.#isOver) return
      const { clock, silentUntilMs } = this.#server
      if (clock.monotonicMs() >= silentUntilMs) {
        const { name: file } = dump.file
        const position = BigInt(dump.position)
        const style = { version: 2, serverId: SOURCE_SERVER_ID, checksum: 'CRC32' } as const
        this.#event(encodeHeartbeat({ file, position, ...style }))
      }
      this.#beatLater()
    })
  }

  #event(event: Buffer, isAsked = false): void {
    const { random, damage } = this.#server
    const marker = this.#asking === undefined ? [0] : [0, SEMI_SYNC_MAGIC, isAsked ? 1 : 0]
    const payload = Buffer.concat([Buffer.from(marker), event])
    if (damage > 0 && random.chance(damage)) {
      // A change of the marker is found by nothing: it has no checksum.
      const at = random.between(marker.length, payload.length - 1)
      payload[at] = (payload[at] ?? 0) ^ (1 << random.between(0, 7))
      this.#server.count('bad checksum')
    }
    this.#packet(payload)
    if (isAsked) this.#sequence = 1
  }

  #packet(payload: Uint8Array): void {
    this.#socket.send(encodePackets(payload, this.#sequence))
    this.#sequence = nextSequence(this.#sequence)
  }
}

/** Behind the transaction that begins with this event, where it is in the set. */
function endOfHeld(file: WrittenFile, index: number, held: GtidSet): number | undefined {
  if (held.isEmpty || file.events[index - 1]?.boundary !== true) return undefined
  const last = file.events.slice(index).find(({ boundary }) => boundary)
  return last?.gtid !== undefined && held.has(last.gtid) ? last.end : undefined
}
