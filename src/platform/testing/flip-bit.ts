import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/** Changes one bit of a file as a disk does that forgets: nothing else of it. */
export function flipBit(path: string, position: number, bit = 4): void {
  const file = openSync(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    if (readSync(file, byte, 0, 1, position) === 0)
      throw new Error(`${path} ends before ${position}`)
    byte.writeUInt8(byte.readUInt8() ^ (1 << bit))
    writeSync(file, byte, 0, 1, position)
  } finally {
    closeSync(file)
  }
}
