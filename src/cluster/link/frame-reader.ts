import { ProtocolError, present } from '../../lib/index.ts'
import type { LogRecord } from '../../store/index.ts'
import type { News } from '../protocol/messages.ts'
import { decodeFrameHeader, FRAME_HEADER_BYTES, type FrameType, requireIntact } from './frame.ts'
import { headerOf } from './header-of.ts'
import { type Carried, decodeMessage } from './message-codec.ts'
import { type Row, withBody } from './record-rows.ts'

interface Waiting {
  readonly news: News
  readonly rows: readonly Row[]
  readonly records: LogRecord[]
}

/**
 * Puts messages together from bytes that come in any pieces. It holds one frame at most, and of records one message:
 * their bytes are copied once, to buffers that are made when their turn comes. After a ProtocolError it takes
 * nothing more.
 */
export class FrameReader {
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES)
  /** what the next bytes are put into, from `#filled` on */
  #target: Buffer = this.#header
  #filled = 0
  #type: FrameType | undefined
  #waiting: Waiting | undefined
  #isBroken = false

  /** Nothing has come of a frame that is not whole. */
  get isBetweenFrames(): boolean {
    return this.#target === this.#header && this.#filled === 0
  }

  /** The messages that become whole by these bytes; whoever stops taking them has lost the rest of the bytes. */
  *take(bytes: Uint8Array): Generator<Carried> {
    if (this.#isBroken) throw new ProtocolError('the stream broke its protocol before')
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#target.length - this.#filled)
      this.#target.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      while (this.#filled === this.#target.length) {
        const carried = this.#guarded()
        if (carried !== undefined) yield carried
      }
    }
  }

  #guarded(): Carried | undefined {
    try {
      return this.#targetIsFull()
    } catch (thrown) {
      this.#isBroken = true
      throw thrown
    }
  }

  #targetIsFull(): Carried | undefined {
    if (this.#waiting !== undefined) return this.#takeBody(this.#waiting)
    if (this.#type === undefined) {
      const { type, size } = decodeFrameHeader(this.#header)
      this.#type = type
      this.#fill(size)
      return undefined
    }
    const payload = this.#target
    requireIntact(this.#header, payload)
    return this.#takeFrame(this.#type, payload)
  }

  #takeFrame(type: FrameType, payload: Buffer): Carried | undefined {
    if (type === 'request' || type === 'answer') throw new ProtocolError(`a ${type} on a link`)
    if (type === 'alive') {
      if (payload.length > 0) throw new ProtocolError(`an alive of ${payload.length} bytes`)
      this.#next()
      return undefined
    }
    const decoded = decodeMessage(type, payload)
    if ('message' in decoded) {
      this.#next()
      return { message: decoded.message, records: [] }
    }
    this.#waiting = { ...decoded, records: [] }
    this.#fill(present(decoded.rows[0], 'the first row').size)
    return undefined
  }

  #takeBody({ news, rows, records }: Waiting): Carried | undefined {
    const row = present(rows[records.length], 'the row of a body')
    records.push(withBody(row, this.#target))
    const next = rows[records.length]
    if (next !== undefined) {
      this.#fill(next.size)
      return undefined
    }
    this.#next()
    return { message: { kind: 'records', ...news, headers: records.map(headerOf) }, records }
  }

  #fill(size: number): void {
    this.#target = Buffer.allocUnsafe(size)
    this.#filled = 0
  }

  #next(): void {
    this.#waiting = undefined
    this.#type = undefined
    this.#target = this.#header
    this.#filled = 0
  }
}
