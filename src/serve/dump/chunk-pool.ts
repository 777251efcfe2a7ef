import { framingBytesMax } from '../../mysql/index.ts'
import { RECORD_BYTES_MAX } from '../../store/index.ts'

/**
 * What a filter may put in front of the bytes that were read: the begin of an event (SkipFilter).
 */
export const CARRY_BYTES_MAX = 2048
/** Bytes of the largest packet by which a filter tells between events what was skipped. */
export const SKIPPED_BYTES_MAX = 512
/**
 * Buffers that nobody uses and that are kept all the same: those of many dumps that stand at different places. What is
 * given up is not free before the next collection, and others are made meanwhile: with twenty dumps under load the
 * process took 250 MB with 4 kept, 232 with enough.
 */
const BUFFERS_KEPT_MAX = 32

/**
 * A buffer's bytes from the file are read behind this; the packets are written from its beginning.
 * The room is for the smallest possible events, so it is never short.
 */
export const READ_OFFSET =
  CARRY_BYTES_MAX + SKIPPED_BYTES_MAX + framingBytesMax(RECORD_BYTES_MAX + CARRY_BYTES_MAX)

/**
 * Buffers to read into and to frame in. The one given back last is taken first: it is still in the
 * CPU's cache.
 */
export class ChunkPool {
  readonly #idle: Buffer[] = []
  #taken = 0

  /** buffers in use */
  get taken(): number {
    return this.#taken
  }

  take(): Buffer {
    this.#taken += 1
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(READ_OFFSET + RECORD_BYTES_MAX)
  }

  give(buffer: Buffer): void {
    this.#taken -= 1
    if (this.#idle.length < BUFFERS_KEPT_MAX) this.#idle.push(buffer)
  }
}
