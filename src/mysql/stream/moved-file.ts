/*
  What differs while our file does not mirror the source's: its head is ours, events lie at other positions than
  there, and a ROTATE names our next file. The source leaves out transactions that we hold; how far it is then, its
  events' log_pos tell.

    at the source    head  T1  (T2, left out)  T3 ...
    in our file      head of ours  T1  T3 ...            shift: how far the source's positions lie beyond ours
*/
import { assert, crc32, ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE, type ChecksumAlgorithm } from '../binlog/checksum.ts'
import { EventType } from '../binlog/event-type.ts'
import { EventFlag, FIRST_EVENT_POSITION, readEventHeader } from '../binlog/header.ts'
import { decodeHeartbeat } from '../binlog/heartbeat.ts'
import { isPreviousGtids } from '../binlog/previous-gtids.ts'
import { decodeRotate, encodeRotate } from '../binlog/rotate.ts'
import type { PieceBuilder } from './piece-builder.ts'

/** A ROTATE with our name for the next file is at most so much longer. */
export const NAME_BYTES_MAX = 256
const LOG_POS_OFFSET = 13
const LOG_POS_MODULUS = 2 ** 32

/** How our file begins that the events behind a head go to. */
export interface DumpPlacement {
  /** of the first event behind the head, in our file */
  readonly position: number
  /** our file mirrors the source's, and so will those that follow */
  readonly mirrors: boolean
  /** our name for a file that the source's ROTATE names */
  readonly nextName: (file: string) => string
}

export class MovedFile {
  readonly #pieces: PieceBuilder
  /** undefined until it is told */
  #placement: DumpPlacement | undefined
  /** where the head ends in the source's file, as far as it was seen */
  #headEnd = FIRST_EVENT_POSITION

  constructor(pieces: PieceBuilder) {
    this.#pieces = pieces
  }

  /** what comes belongs to the head of a file */
  get isUnplaced(): boolean {
    return this.#placement === undefined
  }

  /** events go to it as they are */
  get isInPlace(): boolean {
    return this.#placement !== undefined && this.#pieces.shift === 0
  }

  /** The source begins to send a file from this position on. */
  enter(position: number): void {
    this.#headEnd = position
    this.#placement = undefined
  }

  place(placement: DumpPlacement): void {
    const { position, mirrors } = placement
    assert(!mirrors || position === this.#headEnd, 'what mirrors a file lies where it does there')
    this.#pieces.moveTo(position, this.#headEnd - position)
    this.#placement = placement
  }

  /** Takes what is not stored: the head, and heartbeats, which also tell how much was left out. */
  takeControl(event: Buffer, checksum: ChecksumAlgorithm): void {
    const { type, size, flags } = readEventHeader(event)
    if (this.#placement !== undefined) {
      if (type === EventType.HEARTBEAT_V2) this.#passTo(decodeHeartbeat(event, checksum).position)
    } else if (type === EventType.FORMAT_DESCRIPTION) {
      if (this.#headEnd === FIRST_EVENT_POSITION) this.#headEnd += size
    } else if (isPreviousGtids(type) && (flags & EventFlag.ARTIFICIAL) === 0) {
      this.#headEnd += size
    }
  }

  #passTo(position: bigint): void {
    const behind = Number(position) - this.#pieces.position - this.#pieces.shift
    this.#pieces.shiftBy(Math.max(0, behind))
  }

  /** Whether the source has left out something before an event with this log_pos. */
  jumpsTo(logPos: number, size: number): boolean {
    return this.#placement !== undefined && this.#gapBefore(logPos, size) !== 0
  }

  /** Follows the source to an event, of which the header is enough. @throws ProtocolError before `place` */
  followTo(event: Buffer): DumpPlacement {
    if (this.#placement === undefined) {
      throw new ProtocolError('the source sent an event before the head of its file')
    }
    const { logPos, size } = readEventHeader(event)
    this.#pieces.shiftBy(this.#gapBefore(logPos, size))
    return this.#placement
  }

  /** The event as it is true in our file: itself, changed, or another ROTATE. @throws ProtocolError */
  moved(event: Buffer, checksum: ChecksumAlgorithm): Buffer {
    const placement = this.followTo(event)
    if (event[4] === EventType.ROTATE) return this.#renamed(event, checksum, placement)
    const logPos = (this.#pieces.position + event.length) % LOG_POS_MODULUS
    if (event.readUInt32LE(LOG_POS_OFFSET) === logPos) return event
    event.writeUInt32LE(logPos, LOG_POS_OFFSET)
    if (checksum === 'CRC32') {
      const body = event.length - CHECKSUM_SIZE
      event.writeUInt32LE(crc32(event.subarray(0, body)), body)
    }
    return event
  }

  #renamed(event: Buffer, checksum: ChecksumAlgorithm, { nextName }: DumpPlacement): Buffer {
    const { timestamp, serverId, flags } = readEventHeader(event)
    const { position, file } = decodeRotate(event, checksum)
    const named = { file: nextName(file), position, timestamp, serverId, flags, checksum }
    const end = this.#pieces.position + encodeRotate({ ...named, logPos: 0 }).length
    return encodeRotate({ ...named, logPos: end % LOG_POS_MODULUS })
  }

  /** Bytes that the source has left out before an event, of which log_pos tells the end modulo 2^32. */
  #gapBefore(logPos: number, size: number): number {
    const expected = (this.#pieces.position + this.#pieces.shift + size) % LOG_POS_MODULUS
    return (logPos - expected + LOG_POS_MODULUS) % LOG_POS_MODULUS
  }
}
