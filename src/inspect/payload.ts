/*
  Opening a TRANSACTION_PAYLOAD. The payload is read, decompressed and cut into events piece by piece, so that
  memory is bounded by zstd's window (see zstd-guard.ts) whatever the event says of its sizes; and no more
  comes out than the event says. fzstd does it on every version of Node that is supported; Node's own zstd is
  not on version 20, and would be a second path.
*/
import { Decompress } from 'fzstd'
import { messageOf, ProtocolError } from '../lib/index.ts'
import {
  EVENT_HEADER_SIZE,
  type EventHeader,
  QUERY_PREFIX_BYTES,
  readEventHeader,
  type TransactionPayloadHeader,
} from '../mysql/index.ts'
import type { DiskFile } from '../platform/index.ts'
import { ZstdGuard } from './zstd-guard.ts'

const READ_BYTES = 16 * 1024

/** An event inside a payload: it has no checksum, and no position of its own. */
export interface InnerEvent {
  readonly header: EventHeader
  readonly prefix: Buffer
}

/**
 * The events of the payload, in pieces.
 * @param position of the TRANSACTION_PAYLOAD in the file
 * @throws ProtocolError when it is not what it says
 */
export async function* openPayload(
  file: DiskFile,
  position: number,
  header: TransactionPayloadHeader,
): AsyncGenerator<readonly InnerEvent[]> {
  const { compression, payloadOffset, payloadSize, uncompressedSize } = header
  if (typeof compression === 'number') {
    throw new ProtocolError(`its compression ${compression} is unknown`)
  }
  const splitter = new EventSplitter(uncompressedSize)
  const decompress = compression === 'ZSTD' ? zstd(splitter) : splitter
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  const from = position + payloadOffset
  for (let at = 0; at < payloadSize; ) {
    const part = buffer.subarray(0, Math.min(READ_BYTES, payloadSize - at))
    if ((await file.readAsync(part, from + at)) < part.length)
      throw new ProtocolError('it is short')
    at += part.length
    decompress.push(part)
    yield splitter.take()
  }
  decompress.end()
  yield splitter.take()
}

interface Sink {
  push(bytes: Buffer): void
  end(): void
}

function zstd(splitter: EventSplitter): Sink {
  const guard = new ZstdGuard()
  const decompressor = new Decompress((bytes) => {
    splitter.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  })
  const push = (bytes: Buffer, isLast: boolean): void => {
    guard.take(bytes)
    try {
      // fzstd keeps views of what it cannot use yet.
      decompressor.push(Buffer.from(bytes), isLast)
    } catch (thrown) {
      if (thrown instanceof ProtocolError) throw thrown
      throw new ProtocolError(`it cannot be decompressed: ${messageOf(thrown)}`)
    }
  }
  return {
    push: (bytes) => push(bytes, false),
    end: () => {
      push(Buffer.alloc(0), true)
      splitter.end()
    },
  }
}

/** Cuts what comes out into events, of each of which the first bytes are kept. */
class EventSplitter implements Sink {
  readonly #sizeMax: number
  #size = 0
  #found: InnerEvent[] = []
  #prefix = Buffer.alloc(0)
  /** bytes of the current event that are still to come, once its header is there */
  #rest = 0
  #header: EventHeader | undefined

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  push(bytes: Buffer): void {
    this.#size += bytes.length
    if (this.#size > this.#sizeMax) {
      throw new ProtocolError(`more comes out of it than the ${this.#sizeMax} bytes that it says`)
    }
    for (let at = 0; at < bytes.length; ) at += this.#takePart(bytes.subarray(at))
  }

  end(): void {
    if (this.#prefix.length > 0) throw new ProtocolError('it ends inside an event')
    if (this.#size === this.#sizeMax) return
    throw new ProtocolError(`${this.#size} bytes come out of it, and it says ${this.#sizeMax}`)
  }

  /** What was found since the last call. */
  take(): readonly InnerEvent[] {
    const found = this.#found
    this.#found = []
    return found
  }

  /** Returns how many bytes it took. */
  #takePart(bytes: Buffer): number {
    const wanted = this.#header === undefined ? EVENT_HEADER_SIZE - this.#prefix.length : this.#rest
    const part = bytes.subarray(0, wanted)
    const room = QUERY_PREFIX_BYTES - this.#prefix.length
    if (room > 0) this.#prefix = Buffer.concat([this.#prefix, part.subarray(0, room)])
    if (this.#header !== undefined) {
      this.#rest -= part.length
    } else if (this.#prefix.length === EVENT_HEADER_SIZE) {
      this.#header = readEventHeader(this.#prefix)
      this.#rest = this.#header.size - EVENT_HEADER_SIZE
    }
    if (this.#header !== undefined && this.#rest === 0) {
      this.#found.push({ header: this.#header, prefix: this.#prefix })
      this.#header = undefined
      this.#prefix = Buffer.alloc(0)
    }
    return part.length
  }
}
