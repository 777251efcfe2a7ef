/*
  What a binlog file really holds: the corpus is checked by its own bytes, not by what was asked for.
*/
import { closeSync, openSync, readSync } from 'node:fs'

export interface CorpusFacts {
  readonly bytes: number
  readonly events: number
  readonly transactions: number
  readonly bytesPerEvent: number
  readonly eventsPerTransaction: number
}

const pieceBytes = 4 * 1024 * 1024
const magicBytes = 4
const headerBytes = 19
const gtidEvent = 33

/** Calls `see` with the type and the position of each event of a closed file. */
export function walkEvents(path: string, see: (type: number, position: number) => void): void {
  const file = openSync(path, 'r')
  const piece = Buffer.alloc(pieceBytes)
  try {
    let position = magicBytes
    for (;;) {
      const size = readSync(file, piece, 0, pieceBytes, position)
      if (size < headerBytes) return
      let at = 0
      while (at + headerBytes <= size) {
        see(piece.readUInt8(at + 4), position + at)
        at += piece.readUInt32LE(at + 9)
      }
      position += at
    }
  } finally {
    closeSync(file)
  }
}

export function corpusFacts(path: string, bytes: number): CorpusFacts {
  let events = 0
  let transactions = 0
  walkEvents(path, (type) => {
    events += 1
    if (type === gtidEvent) transactions += 1
  })
  const bytesPerEvent = Math.round(bytes / events)
  const eventsPerTransaction = Number((events / transactions).toFixed(1))
  return { bytes, events, transactions, bytesPerEvent, eventsPerTransaction }
}

/**
 * Where transactions begin, one for each share of the file: the first at or behind it, and each at another
 * count of events modulo 256 from the one before, so that the packets of dumps from there bear different
 * sequence numbers wherever two of them meet.
 */
export function startsApart(path: string, bytes: number, shares: readonly number[]): number[] {
  const starts: number[] = []
  const phases = new Set<number>()
  let events = 0
  walkEvents(path, (type, position) => {
    events += 1
    const wanted = shares[starts.length]
    if (type !== gtidEvent || wanted === undefined || position < wanted * bytes) return
    if (phases.has(events % 256)) return
    phases.add(events % 256)
    starts.push(position)
  })
  return starts
}
