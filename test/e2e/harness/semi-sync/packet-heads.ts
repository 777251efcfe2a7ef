const HEADER_SIZE = 4
const MORE_FOLLOWS = 0xffffff

export interface PacketHead {
  /** of its first physical packet */
  readonly sequence: number
  /** its first bytes, as many as were asked for */
  readonly head: Buffer
  /** bytes of the whole payload */
  readonly size: number
}

/** Cuts one direction of a MySQL connection into packets, of which it keeps the first bytes only. */
export class PacketHeads {
  readonly #headBytes: number
  readonly #found: (packet: PacketHead) => void
  #header = Buffer.alloc(0)
  #left = 0
  #more = false
  #sequence = 0
  #head: Buffer[] = []
  #kept = 0
  #size = 0

  constructor(headBytes: number, found: (packet: PacketHead) => void) {
    this.#headBytes = headBytes
    this.#found = found
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === 0) {
        const taken = Math.min(HEADER_SIZE - this.#header.length, bytes.length - at)
        this.#header = Buffer.concat([this.#header, bytes.subarray(at, at + taken)])
        at += taken
        if (this.#header.length === HEADER_SIZE) this.#begin()
        continue
      }
      const part = bytes.subarray(at, at + this.#left)
      this.#keep(part)
      at += part.length
      this.#left -= part.length
      if (this.#left === 0) this.#end()
    }
  }

  #begin(): void {
    this.#left = this.#header.readUIntLE(0, 3)
    if (!this.#more) this.#sequence = this.#header.readUInt8(3)
    this.#more = this.#left === MORE_FOLLOWS
    this.#header = Buffer.alloc(0)
    if (this.#left === 0) this.#end()
  }

  #keep(part: Buffer): void {
    this.#size += part.length
    if (this.#kept >= this.#headBytes) return
    const kept = Buffer.from(part.subarray(0, this.#headBytes - this.#kept))
    this.#head.push(kept)
    this.#kept += kept.length
  }

  #end(): void {
    if (this.#more) return
    const packet = { sequence: this.#sequence, head: Buffer.concat(this.#head), size: this.#size }
    this.#head = []
    this.#kept = 0
    this.#size = 0
    this.#found(packet)
  }
}
