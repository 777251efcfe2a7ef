/*
  The loop over small row events, in WebAssembly: most of a busy OLTP binlog is events of 30 to 500 bytes, and
  checking and copying each by a call into native code costs more than the work itself. (Figures:
  docs/decisions/0004-a-kernel-for-small-events.md.)

  The kernel takes only packets that are plain in every respect: the next sequence number, a row event or
  TABLE_MAP of at most 2 KiB, not artificial, not to be acknowledged, at its place, with a true CRC-32. It
  stops before any other, which then goes the way of all events; so whatever it refuses is judged, and named,
  in one place only.

    memory   0       its tables
             16384   result: u32 input offset | u32 output offset | u32 newest timestamp
             65536   input window, WINDOW_BYTES
             then    output, of the size asked for
*/
import { assert } from '../../lib/index.ts'
import { ROW_EVENT_KERNEL_BASE64 } from './row-event-kernel.wasm.ts'

const RESULT_OFFSET = 16_384
const INPUT_OFFSET = 65_536

/** Input is looked at through a window of so many bytes, which stays in a core's cache. */
export const WINDOW_BYTES = 256 * 1024
const OUTPUT_OFFSET = INPUT_OFFSET + WINDOW_BYTES

interface KernelExports {
  readonly memory: WebAssembly.Memory
  prepare(): void
  take(
    input: number,
    inputEnd: number,
    output: number,
    outputEnd: number,
    position: number,
    sequence: number,
    marker: number,
  ): number
}

/** A PieceBuilder is one. */
interface OutputPlace {
  readonly used: number
  readonly position: number
}

let compiled: WebAssembly.Module | undefined

/** One kernel has its own memory: it belongs to one decoder. */
export class RowEventKernel {
  /** where input goes before `take` */
  readonly input: Buffer
  /** where events come out */
  readonly output: Buffer
  readonly #exports: KernelExports
  readonly #result: Uint32Array
  readonly #markerBytes: number

  /** @param markerBytes bytes of a payload before its event */
  constructor(outputBytes: number, markerBytes: number) {
    this.#markerBytes = markerBytes
    compiled ??= new WebAssembly.Module(Buffer.from(ROW_EVENT_KERNEL_BASE64, 'base64'))
    this.#exports = new WebAssembly.Instance(compiled, {}).exports as unknown as KernelExports
    const { buffer } = this.#exports.memory
    assert(OUTPUT_OFFSET + outputBytes <= buffer.byteLength, 'the output fits the memory')
    this.input = Buffer.from(buffer, INPUT_OFFSET, WINDOW_BYTES)
    this.output = Buffer.from(buffer, OUTPUT_OFFSET, outputBytes)
    this.#result = new Uint32Array(buffer, RESULT_OFFSET, 3)
    this.#exports.prepare()
  }

  /**
   * Takes events from `input` at `at` to `end`, to `output` behind what is used; returns how many.
   * @param place how much of `output` is used, and the position of that in the file, in bytes
   * @param sequence of the first packet
   */
  take(at: number, end: number, place: OutputPlace, sequence: number): number {
    return this.#exports.take(
      INPUT_OFFSET + at,
      INPUT_OFFSET + end,
      OUTPUT_OFFSET + place.used,
      OUTPUT_OFFSET + this.output.length,
      place.position % 2 ** 32,
      sequence,
      this.#markerBytes,
    )
  }

  /** Where the last `take` stopped in `input`. */
  get inputAt(): number {
    return (this.#result[0] ?? 0) - INPUT_OFFSET
  }

  /** How much of `output` is filled after the last `take`. */
  get outputUsed(): number {
    return (this.#result[1] ?? 0) - OUTPUT_OFFSET
  }

  /** Of the events of the last `take`, in seconds since 1970. */
  get newestTimestamp(): number {
    return this.#result[2] ?? 0
  }
}
