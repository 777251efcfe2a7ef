/*
  One login at the source with the account for metadata, and what it answers to statements, packet by packet as it
  came, so that a client is shown the source's own column definitions and values.
*/

import { OperationalError, ProtocolError, present } from '../../lib/index.ts'
import {
  Command,
  decodeErr,
  ERR_MARKER,
  type ErrPacket,
  encodeComQuery,
  encodePackets,
  isEof,
  PacketReader,
  Reader,
} from '../../mysql/index.ts'
import type { Clock } from '../../platform/index.ts'
import type { RawConnection } from '../raw-connection.ts'
import { formatAddress, type SourceAddress } from '../source-address.ts'
import { SourceConnection } from '../source-connection.ts'
import { SOURCE_LIMITS } from '../source-limits.ts'
import type { MetadataLimits } from './metadata-limits.ts'

/** One read-only statement about tables. */
export interface MetadataQuestion {
  readonly sql: string
  /** default database that the statement needs; undefined where it names all that it asks for */
  readonly database: string | undefined
}

/** Payloads of the source's packets: first the columns, then rows in portions; or its refusal. */
export type MetadataPart =
  | { readonly kind: 'columns'; readonly definitions: readonly Buffer[] }
  | { readonly kind: 'rows'; readonly rows: readonly Buffer[] }
  | { readonly kind: 'refused'; readonly error: ErrPacket }

export interface MetadataConnectionParts {
  readonly address: SourceAddress
  readonly limits: MetadataLimits
  readonly clock: Clock
}

/** The source's answer has sequence numbers from here on. */
const ANSWER_SEQUENCE = 1
const READ_BYTES = 64 * 1024
/** MySQL's own most for a table. */
const COLUMNS_MOST = 4096
const OK_MARKER = 0x00
const LOCAL_INFILE_MARKER = 0xfb

/*
  Statements are read here as MySQL reads them by default, and must mean the same at the source, whatever modes it
  has. Nothing that is let through writes; the transaction says so once more.
*/
const MODES =
  'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,' +
  'ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'
const SET_UP = [
  `SET SESSION sql_mode = '${MODES}'`,
  'SET SESSION TRANSACTION READ ONLY',
  'SET NAMES utf8mb4',
]

export class MetadataConnection {
  readonly #parts: MetadataConnectionParts
  readonly #raw: RawConnection
  readonly #reader: PacketReader
  /** came together with packets that were given out already */
  #unread: Buffer[] = []
  #database: string | undefined
  #wake: (() => void) | undefined
  #ended: { readonly error: Error | undefined } | undefined

  /** @throws OperationalError E_SOURCE_UNREACHABLE, E_SOURCE_AUTH, E_SOURCE_TLS, ... */
  static async open(
    parts: MetadataConnectionParts,
    signal: AbortSignal,
  ): Promise<MetadataConnection> {
    const connection = await SourceConnection.open(parts.address, SOURCE_LIMITS, signal)
    try {
      for (const sql of SET_UP) await connection.query(sql)
      return new MetadataConnection(parts, connection.takeOver())
    } catch (error) {
      connection.close()
      throw error
    }
  }

  private constructor(parts: MetadataConnectionParts, raw: RawConnection) {
    this.#parts = parts
    this.#raw = raw
    this.#reader = new PacketReader({ limit: parts.limits.packetBytesMost })
    raw.receive({
      target: Buffer.allocUnsafe(READ_BYTES),
      arrived: () => this.#wake?.(),
      ended: (error) => {
        this.#ended = { error }
        this.#wake?.()
      },
    })
  }

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  close(): void {
    this.#raw.close()
  }

  /**
   * The answer, part by part. Whoever does not take it to its end has to close the connection.
   * @throws OperationalError E_SOURCE_CLOSED, E_SOURCE_GONE_SILENT; ProtocolError
   */
  async *ask({ sql, database }: MetadataQuestion): AsyncGenerator<MetadataPart> {
    if (database !== undefined && database !== this.#database) {
      const refusal = await this.#use(database)
      if (refusal !== undefined) {
        yield { kind: 'refused', error: refusal }
        return
      }
    }
    this.#send(encodeComQuery(sql))
    const head = await this.#packet()
    if (head[0] === ERR_MARKER) {
      yield { kind: 'refused', error: decodeErr(head) }
      return
    }
    const definitions = await this.#definitions(head)
    yield { kind: 'columns', definitions }
    yield* this.#rows()
  }

  async #use(database: string): Promise<ErrPacket | undefined> {
    this.#database = undefined
    this.#send(Buffer.concat([Buffer.of(Command.INIT_DB), Buffer.from(database)]))
    const answer = await this.#packet()
    if (answer[0] === ERR_MARKER) return decodeErr(answer)
    this.#database = database
    return undefined
  }

  async #definitions(head: Buffer): Promise<Buffer[]> {
    if (head[0] === OK_MARKER || head[0] === LOCAL_INFILE_MARKER) {
      throw new ProtocolError('the source does not answer a question about tables with rows')
    }
    const count = new Reader(head).lenenc()
    if (count > COLUMNS_MOST) throw new ProtocolError(`the source's answer has ${count} columns`)
    const definitions: Buffer[] = []
    while (definitions.length < count) definitions.push(await this.#packet())
    if (!isEof(await this.#packet())) throw new ProtocolError('no EOF behind the columns')
    return definitions
  }

  async *#rows(): AsyncGenerator<MetadataPart> {
    for (;;) {
      const packets = await this.#arrived()
      const end = packets.findIndex((packet) => isEof(packet) || packet[0] === ERR_MARKER)
      const rows = end < 0 ? packets : packets.slice(0, end)
      if (rows.length > 0) yield { kind: 'rows', rows }
      const last = packets[end]
      if (last === undefined) continue
      if (last[0] === ERR_MARKER) yield { kind: 'refused', error: decodeErr(last) }
      return
    }
  }

  #send(payload: Buffer): void {
    this.#reader.expectSequence(ANSWER_SEQUENCE)
    this.#raw.write(encodePackets(payload, 0))
  }

  async #packet(): Promise<Buffer> {
    const [first, ...others] = await this.#arrived()
    this.#unread = others
    return present(first, 'packet')
  }

  /** What has come and was not given out yet: at least one packet. */
  async #arrived(): Promise<Buffer[]> {
    const found = this.#unread
    this.#unread = []
    while (found.length === 0) {
      const bytes = this.#raw.read()
      // The bytes are read over by the next ones, while a packet may have to wait for its client.
      const keep = (payload: Buffer): undefined => void found.push(Buffer.from(payload))
      if (bytes !== undefined) this.#reader.push(bytes, keep)
      else await this.#more()
    }
    return found
  }

  async #more(): Promise<void> {
    const { address, clock, limits } = this.#parts
    const source = formatAddress(address)
    if (this.#ended !== undefined) {
      const why = this.#ended.error === undefined ? '' : `: ${this.#ended.error.message}`
      const message = `source ${source} closed the connection for metadata${why}`
      throw new OperationalError('E_SOURCE_CLOSED', message, { source })
    }
    let isSilent = false
    const cancel = clock.after(limits.silenceMs, () => {
      isSilent = true
      this.#wake?.()
    })
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
    cancel()
    if (!isSilent) return
    const message = `source ${source} does not answer a question about tables in ${limits.silenceMs} ms`
    throw new OperationalError('E_SOURCE_GONE_SILENT', message, { source })
  }
}
