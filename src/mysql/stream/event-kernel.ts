/*
  The loop over plain events, in WebAssembly: most of a busy binlog is transactions of the one shape GTID,
  BEGIN, row events, XID, and looking at each of their events from JavaScript costs more than the work itself.
  (Figures: docs/decisions/0005-plain-transactions-in-the-kernel.md.)

  The kernel takes only packets that are plain in every respect: the next sequence number, an event of one of
  these types, not artificial, at its place, where its transaction may have it. It stops before any other,
  which then goes the way of all events; so whatever it refuses is judged, and named, in one place only.

  Checksums are checked by the run. The CRC-32 of an event with its checksum behind it is always the same
  number, so that the CRC-32 of a run of true events follows from their sizes alone; the kernel tells it, and
  the caller compares it with the CRC-32 of the bytes, which the journal wants anyway.

  The memory belongs to one dump. What a socket gives is read straight into `readTarget`; what the decoder
  could not use yet is moved to lie before it, so that a packet that was cut is whole again.

    memory   0        its tables and state (assembly/plain-events.ts)
             384 KiB  KEPT_BYTES_MAX of input that was kept, then `readTarget`, then `output`
*/
import { assert, present } from '../../lib/index.ts'
import { UUID_SIZE, uuidText } from '../gtid/uuid-bytes.ts'
import { EVENT_KERNEL_BASE64 } from './event-kernel.wasm.ts'

/** More input than this is never kept. */
export const KEPT_BYTES_MAX = 132 * 1024
/** So much is read from a socket at a time. */
export const READ_BYTES = 1024 * 1024
/** The most that `output` takes. */
const OUTPUT_BYTES = 256 * 1024

const STATE_OFFSET = 4096
const RUNS_OFFSET = 8192
const RUN_BYTES = 32
const INPUT_OFFSET = 384 * 1024
const OUTPUT_OFFSET = INPUT_OFFSET + KEPT_BYTES_MAX + READ_BYTES

/** Between transactions; behind a GTID event or a BEGIN that the kernel took itself; behind another BEGIN. */
export const KernelPhase = { outside: 0, gtid: 1, statements: 2, foreignStatements: 3 } as const
export type KernelPhase = (typeof KernelPhase)[keyof typeof KernelPhase]

/** Index of each u32 of the kernel's state. */
const Field = {
  inputAt: 0,
  outputAt: 1,
  timestamp: 2,
  phase: 3,
  crc: 4,
  boundary: 5,
  runs: 6,
  sequence: 7,
  awaited: 8,
} as const
const TRANSACTION_END_OFFSET = 40
const OPEN_GTID_OFFSET = 48

interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  prepare(): void
  take(
    input: number,
    inputEnd: number,
    output: number,
    outputEnd: number,
    position: number,
    marker: number,
  ): number
}

/** GTIDs that follow each other. */
export interface GtidRun {
  readonly uuid: string
  readonly first: bigint
  readonly last: bigint
}

/** Where `take` begins. */
export interface KernelStart {
  /** in `input`: from where to where */
  readonly at: number
  readonly end: number
  /** bytes of `output` that are taken, and their CRC-32 */
  readonly used: number
  readonly crc: number
  /** of the first event in the file */
  readonly position: number
  /** the number that the next packet must have */
  readonly sequence: number
  readonly phase: KernelPhase
  /** bytes of a payload before its event */
  readonly markerBytes: number
}

let compiled: WebAssembly.Module | undefined

export class EventKernel {
  /** kept bytes, and behind them `readTarget` */
  readonly input: Buffer<ArrayBuffer>
  readonly readTarget: Buffer<ArrayBuffer>
  readonly output: Buffer<ArrayBuffer>
  readonly #exports: KernelExports
  readonly #state: Uint32Array
  readonly #memory: Buffer

  constructor() {
    compiled ??= new WebAssembly.Module(Buffer.from(EVENT_KERNEL_BASE64, 'base64'))
    this.#exports = new WebAssembly.Instance(compiled, {}).exports as unknown as KernelExports
    const { buffer } = this.#exports.memory
    assert(OUTPUT_OFFSET + OUTPUT_BYTES <= buffer.byteLength, 'the buffers fit the memory')
    this.input = Buffer.from(buffer, INPUT_OFFSET, KEPT_BYTES_MAX + READ_BYTES)
    this.readTarget = this.input.subarray(KEPT_BYTES_MAX)
    this.output = Buffer.from(buffer, OUTPUT_OFFSET, OUTPUT_BYTES)
    this.#memory = Buffer.from(buffer)
    this.#state = new Uint32Array(buffer, STATE_OFFSET, 16)
    this.#exports.prepare()
  }

  /** Takes events from `input` to `output`; returns how many. What it came to is told by what follows here. */
  take(start: KernelStart): number {
    const state = this.#state
    state[Field.phase] = start.phase
    state[Field.crc] = start.crc
    state[Field.sequence] = start.sequence
    return this.#exports.take(
      INPUT_OFFSET + start.at,
      INPUT_OFFSET + start.end,
      OUTPUT_OFFSET + start.used,
      OUTPUT_OFFSET + OUTPUT_BYTES,
      start.position,
      start.markerBytes,
    )
  }

  /** Where the last `take` stopped in `input`. */
  get inputAt(): number {
    return this.#field(Field.inputAt) - INPUT_OFFSET
  }

  /** How much of `output` is filled. */
  get outputUsed(): number {
    return this.#field(Field.outputAt) - OUTPUT_OFFSET
  }

  /** CRC-32 of what is in `output`, if all events that were taken are true to their checksums. */
  get crc(): number {
    return this.#field(Field.crc)
  }

  get phase(): KernelPhase {
    return this.#field(Field.phase) as KernelPhase
  }

  /** The number that the next packet must have. */
  get sequence(): number {
    return this.#field(Field.sequence)
  }

  /** In `output`, behind the last transaction that ended in the last `take`; undefined when none did. */
  get boundary(): number | undefined {
    const at = this.#field(Field.boundary)
    return at === 0 ? undefined : at - OUTPUT_OFFSET
  }

  /** As `boundary`, of those transactions whose acknowledgement the source waits for. */
  get awaited(): number | undefined {
    const at = this.#field(Field.awaited)
    return at === 0 ? undefined : at - OUTPUT_OFFSET
  }

  /** Of the events of the last `take`, in seconds since 1970. */
  get newestTimestamp(): number {
    return this.#field(Field.timestamp)
  }

  /** Of the transactions that ended in the last `take`. */
  *runs(): Generator<GtidRun> {
    for (let index = 0; index < this.#field(Field.runs); index += 1) {
      const at = RUNS_OFFSET + index * RUN_BYTES
      const first = this.#memory.readBigUInt64LE(at + UUID_SIZE)
      const last = this.#memory.readBigUInt64LE(at + UUID_SIZE + 8)
      yield { uuid: uuidText(this.#memory, at), first, last }
    }
  }

  /** Of the transaction that the kernel is inside of; `end` is where it must end, 0 when it does not say. */
  get open(): { readonly uuid: string; readonly gno: bigint; readonly end: number } {
    const at = STATE_OFFSET + OPEN_GTID_OFFSET
    return {
      uuid: uuidText(this.#memory, at),
      gno: this.#memory.readBigUInt64LE(at + UUID_SIZE),
      end: this.#memory.readDoubleLE(STATE_OFFSET + TRANSACTION_END_OFFSET),
    }
  }

  #field(index: number): number {
    return present(this.#state[index], 'a field of the state')
  }
}
