/*
  Where a listing goes on behind bytes that are no true event. What tells an event is that its header names
  its own end: a length and an end position that agree do so by chance once in 2^32 bytes.
*/
import {
  CHECKSUM_SIZE,
  EVENT_HEADER_SIZE,
  eventTypeName,
  eventTypeSymbol,
  readEventHeader,
} from '../mysql/index.ts'
import type { DiskFile } from '../platform/index.ts'
import type { WalkFault } from '../store/index.ts'

const SEARCH_BYTES = 1024 * 1024

export interface EventSpace {
  readonly file: DiskFile
  /** nothing is looked at from here on */
  readonly limit: number
  /** how far the end positions of the events lie behind their ends, modulo 2^32 */
  readonly shift: number
  /** a relay log's end positions are those of another file */
  readonly hasOwnPositions: boolean
}

export interface Resync {
  readonly what: string
  /** where the next event begins, or the limit */
  readonly next: number
  /** the length of the event at the fault may be believed */
  readonly isEvent: boolean
}

/** What is wrong at a fault, and where it goes on. */
export async function resync(space: EventSpace, fault: WalkFault): Promise<Resync> {
  const { event, position, kind } = fault
  if (event === undefined) {
    return {
      what: 'the file ends inside the header of an event',
      next: space.limit,
      isEvent: false,
    }
  }
  const name = eventTypeSymbol(event.type)
  const { end, size } = event
  const fits = size >= EVENT_HEADER_SIZE + CHECKSUM_SIZE
  const agree = fits && ownEnd(space, end) === event.logPos
  if (end > space.limit && agree && isKnown(event.type)) {
    const what = `the file ends inside the ${name} event, which has ${size} bytes`
    return { what, next: space.limit, isEvent: false }
  }
  if (end <= space.limit && agree) {
    const wrong = kind === 'checksum' ? `the checksum of the ${name} event is wrong` : fault.why
    return { what: wrong, next: end, isEvent: true }
  }
  if (space.hasOwnPositions) {
    const named = position + distance(position + space.shift, event.logPos)
    if (named >= position + EVENT_HEADER_SIZE && isEventAt(space, named)) {
      const what = `the ${name} event says ${size} bytes, and by its end position it has ${named - position}`
      return { what, next: named, isEvent: false }
    }
  }
  if (fits && end <= space.limit && isEventAt(space, end)) {
    const what = `the checksum of the ${name} event is wrong: its end position says ${event.logPos}`
    return { what, next: end, isEvent: true }
  }
  return await passOver(space, position)
}

async function passOver(space: EventSpace, position: number): Promise<Resync> {
  const next = await findEvent(space, position + 1)
  const bytes = `${next - position} bytes are passed over`
  const what =
    next === space.limit
      ? `no event is there, nor any behind it: ${bytes} to the end of the file`
      : `no event is there: ${bytes}, the next one begins at ${next}`
  return { what, next, isEvent: false }
}

/** Whether a true header stands there, or the file ends. */
export function isEventAt(space: EventSpace, position: number): boolean {
  if (position >= space.limit) return position === space.limit
  const bytes = Buffer.alloc(EVENT_HEADER_SIZE)
  if (space.file.read(bytes, position) < bytes.length) return false
  return isHeader(space, bytes, 0, position)
}

/** The first place from `from` on where an event begins; the limit when there is none. */
export async function findEvent(space: EventSpace, from: number): Promise<number> {
  if (!space.hasOwnPositions) return space.limit
  const buffer = Buffer.allocUnsafe(SEARCH_BYTES)
  for (let start = from; start < space.limit; start += SEARCH_BYTES - EVENT_HEADER_SIZE) {
    const wanted = Math.min(SEARCH_BYTES, space.limit - start)
    const read = await space.file.readAsync(buffer.subarray(0, wanted), start)
    for (let at = 0; at + EVENT_HEADER_SIZE <= read; at += 1) {
      const size = buffer.readUInt32LE(at + 9)
      if (buffer.readUInt32LE(at + 13) !== (start + at + size + space.shift) % 2 ** 32) continue
      if (isHeader(space, buffer, at, start + at)) return start + at
    }
  }
  return space.limit
}

function isHeader(space: EventSpace, bytes: Buffer, at: number, position: number): boolean {
  if (bytes.readUInt32LE(at + 9) < EVENT_HEADER_SIZE) return false
  const { type, size, logPos } = readEventHeader(bytes, at)
  if (!isKnown(type) || position + size > space.limit) return false
  return !space.hasOwnPositions || logPos === ownEnd(space, position + size)
}

function isKnown(type: number): boolean {
  return eventTypeName(type) !== 'Unknown'
}

function ownEnd(space: EventSpace, end: number): number {
  return (end + space.shift) % 2 ** 32
}

/** From one end position to another, modulo 2^32. */
function distance(from: number, to: number): number {
  return (((to - from) % 2 ** 32) + 2 ** 32) % 2 ** 32
}
