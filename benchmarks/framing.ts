/*
  How fast the framer turns binlog bytes into packets, on synthetic events of one size:
  npx tsx benchmarks/framing.ts
*/
import { DumpFramer, framingBytesMax } from '../src/mysql/stream/dump-framer.ts'

const CHUNK_SIZE = 256 * 1024
const ROUND_BYTES = 512 * 1024 ** 2
const ROUNDS = 3

function eventsOf(size: number): Buffer {
  const events = Buffer.alloc(Math.floor((4 * CHUNK_SIZE) / size) * size, 7)
  for (let at = 0; at < events.length; at += size) events.writeUInt32LE(size, at + 9)
  return events
}

/** Seconds per GiB; the copy that stands for reading the bytes into the buffer is not counted. */
function roundSeconds(events: Buffer, framer: DumpFramer): number {
  const room = framingBytesMax(CHUNK_SIZE)
  const buffer = Buffer.alloc(room + CHUNK_SIZE)
  let spentMs = 0
  let done = 0
  while (done < ROUND_BYTES) {
    for (let at = 0; at < events.length; at += CHUNK_SIZE) {
      const size = events.copy(buffer, room, at, at + CHUNK_SIZE)
      const began = performance.now()
      framer.frame(buffer, room, room + size, 0)
      spentMs += performance.now() - began
      done += size
    }
  }
  return (spentMs / 1000) * (1024 ** 3 / done)
}

for (const size of [31, 79, 157, 320, 640, 1000, 6000, 200_000]) {
  const events = eventsOf(size)
  const framer = new DumpFramer(1)
  const rates = Array.from({ length: ROUNDS }, () => 1 / roundSeconds(events, framer))
  const best = Math.max(...rates)
  console.log(`${String(size).padStart(7)} bytes per event: ${best.toFixed(2)} GiB/s`)
}
