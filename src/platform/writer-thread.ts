import type * as fs from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'

/** For a write, with its fdatasync where it has one. */
const WAIT_MS = 20
/** More bytes are written in several goes. */
const PART_BYTES = 1024 * 1024

/*
  The memory that both threads see, 48 bytes and then those that are written:

    i32  number of the newest request      i32  size in bytes
    i32  number of the newest answer       i32  1: fdatasync behind the write
    i32  number of the newest request      i32  errno of a failure, negative; 0 for none
         whose answer comes by message
    i32  file descriptor                   i32  1: it was the fdatasync that failed
    f64  position                          f64  milliseconds that the fdatasync took

  Numbers go up by one and over from 2^31 - 1 to -2^31.
*/
const ASKED = 0
const ANSWERED = 1
const BY_MESSAGE = 2
const FD = 3
const SIZE = 4
const WITH_SYNC = 5
const ERRNO = 6
const SYNC_FAILED = 7
const NUMBERS = 8
const HEAD_BYTES = 48

/** Runs in the thread, as text: it knows nothing of this module. */
function serveWrites(shared: SharedArrayBuffer, port: MessagePort, files: typeof fs): void {
  const numbers = new Int32Array(shared, 0, 8)
  const floats = new Float64Array(shared, 32, 2)
  const bytes = new Uint8Array(shared, 48)
  let answered = numbers[1] ?? 0
  for (;;) {
    const number = (answered + 1) | 0
    while (Atomics.load(numbers, 0) !== number) Atomics.wait(numbers, 0, answered)
    const fd = numbers[3] ?? 0
    const size = numbers[4] ?? 0
    let begunSync = 0
    let errno = 0
    try {
      for (let done = 0; done < size; ) {
        done += files.writeSync(fd, bytes, done, size - done, (floats[0] ?? 0) + done)
      }
      if (numbers[5] === 1) {
        begunSync = performance.now()
        files.fdatasyncSync(fd)
        floats[1] = performance.now() - begunSync
      }
    } catch (thrown) {
      errno = (thrown as { errno?: number }).errno ?? -1
    }
    numbers[6] = errno
    numbers[7] = begunSync > 0 ? 1 : 0
    Atomics.store(numbers, 1, number)
    Atomics.notify(numbers, 1)
    // The process may be at the next request by now: that one's message is not ours to send, nor to take back.
    if (Atomics.load(numbers, 2) === number) port.postMessage(number)
    answered = number
  }
}

const THREAD = `
const { workerData } = require('node:worker_threads')
;(${serveWrites.toString()})(workerData.shared, workerData.port, require('node:fs'))
`

export interface WriteRequest {
  readonly fd: number
  /** stay as they are until what is returned has resolved */
  readonly bytes: Uint8Array
  readonly position: number
  /** an fdatasync follows the write */
  readonly sync: boolean
}

export interface WriterThreadOptions {
  /** the process stands still so long for an answer, milliseconds; then it goes on without */
  readonly waitMs?: number
  /** of the request before the first; 32 bits with a sign */
  readonly lastNumber?: number
}

/** Of a write: what its fdatasync took, in milliseconds; 0 where it had none. */
type Outcome = number

/** A request whose answer did not come in time. */
interface Late {
  readonly number: number
  readonly outcome: Promise<Outcome>
  readonly settle: (answer: Outcome | Error) => void
}

/**
 * A thread that writes while the process waits, but not for long: a disk that does not answer (a frozen file system, a
 * device that hangs) holds up the thread, and the process goes on without the answer.
 * (docs/decisions/0008-a-thread-that-writes.md)
 */
export class WriterThread {
  readonly #numbers: Int32Array
  readonly #floats: Float64Array
  readonly #bytes: Uint8Array
  readonly #port: MessagePort
  readonly #worker: Worker
  readonly #waitMs: number
  #number: number
  #late: Late | undefined
  #hasEnded = false

  private constructor(
    { shared, port, worker }: { shared: SharedArrayBuffer; port: MessagePort; worker: Worker },
    { waitMs, lastNumber }: Required<WriterThreadOptions>,
  ) {
    this.#waitMs = waitMs
    this.#number = lastNumber
    this.#worker = worker
    this.#numbers = new Int32Array(shared, 0, NUMBERS)
    this.#floats = new Float64Array(shared, NUMBERS * 4, 2)
    this.#bytes = new Uint8Array(shared, HEAD_BYTES)
    this.#port = port
    port.on('message', (number: number) => this.#heard(number))
    port.unref()
    // Only when it has run out of memory. Its error is said by who asked it for something.
    worker.on('error', () => {})
    worker.once('exit', () => this.#ended())
  }

  static async start({
    waitMs = WAIT_MS,
    lastNumber = 0,
  }: WriterThreadOptions = {}): Promise<WriterThread> {
    const shared = new SharedArrayBuffer(HEAD_BYTES + PART_BYTES)
    new Int32Array(shared, 0, NUMBERS).fill(lastNumber, ASKED, BY_MESSAGE + 1)
    const { port1, port2 } = new MessageChannel()
    const worker = new Worker(THREAD, {
      eval: true,
      execArgv: [],
      workerData: { shared, port: port2 },
      transferList: [port2],
      // It makes no objects but errors.
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
    })
    await new Promise<void>((resolve, reject) => {
      worker.once('online', resolve)
      worker.once('error', reject)
    })
    worker.unref()
    return new WriterThread({ shared, port: port1, worker }, { waitMs, lastNumber })
  }

  /** Whether the thread is gone: whatever is asked of it fails, and another has to be started. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** The thread stops where it is, in the middle of a write too; who waits for one is told that it failed. */
  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  /**
   * What the fdatasync took, in milliseconds; a promise of it where the disk does not answer in time. What is asked for
   * meanwhile waits behind it.
   * @throws the system's error, with `syscall` the one that failed; a promise rejects with it
   */
  write(request: WriteRequest): Outcome | Promise<Outcome> {
    if (this.#hasEnded) throw threadEnded()
    if (this.#late !== undefined) return this.#behind(this.#late, request)
    const { bytes, position } = request
    if (bytes.length <= PART_BYTES) return this.#writePart(request)
    const first = { ...request, bytes: bytes.subarray(0, PART_BYTES), sync: false }
    const rest = {
      ...request,
      bytes: bytes.subarray(PART_BYTES),
      position: position + PART_BYTES,
    }
    const outcome = this.#writePart(first)
    return typeof outcome === 'number' ? this.write(rest) : outcome.then(() => this.write(rest))
  }

  async #behind(late: Late, request: WriteRequest): Promise<Outcome> {
    // Whether that one fails is told to who asked for it.
    await late.outcome.catch(() => {})
    return await this.write(request)
  }

  #writePart({ fd, bytes, position, sync }: WriteRequest): Outcome | Promise<Outcome> {
    const numbers = this.#numbers
    this.#bytes.set(bytes)
    this.#floats[0] = position
    this.#floats[1] = 0
    numbers[FD] = fd
    numbers[SIZE] = bytes.length
    numbers[WITH_SYNC] = sync ? 1 : 0
    const answered = this.#number
    this.#number = (answered + 1) | 0
    Atomics.store(numbers, ASKED, this.#number)
    Atomics.notify(numbers, ASKED)
    Atomics.wait(numbers, ANSWERED, answered, this.#waitMs)
    if (Atomics.load(numbers, ANSWERED) === this.#number) return this.#answer()
    // The thread looks at this behind its answer, so the answer is here by now or comes as a message.
    Atomics.store(numbers, BY_MESSAGE, this.#number)
    if (Atomics.load(numbers, ANSWERED) === this.#number) return this.#answer()
    return this.#waitFor(this.#number)
  }

  #answer(): Outcome {
    const outcome = this.#outcome()
    if (outcome instanceof Error) throw outcome
    return outcome
  }

  #outcome(): Outcome | Error {
    const errno = this.#numbers[ERRNO] ?? 0
    if (errno === 0) return this.#floats[1] ?? 0
    const [code, text] = getSystemErrorMap().get(errno) ?? ['EIO', 'unknown error']
    const syscall = this.#numbers[SYNC_FAILED] === 1 ? 'fdatasync' : 'write'
    return Object.assign(new Error(`${code}: ${text}, ${syscall}`), { code, errno, syscall })
  }

  #waitFor(number: number): Promise<Outcome> {
    let settle: Late['settle'] = () => {}
    const outcome = new Promise<Outcome>((resolve, reject) => {
      settle = (answer) => (answer instanceof Error ? reject(answer) : resolve(answer))
    })
    this.#late = { number, outcome, settle }
    // At a start nothing else may keep the process alive until then.
    this.#port.ref()
    return outcome
  }

  #heard(number: number): void {
    const late = this.#late
    // Of one that was answered just in time the message comes all the same.
    if (late?.number !== number) return
    this.#late = undefined
    this.#port.unref()
    late.settle(this.#outcome())
  }

  #ended(): void {
    this.#hasEnded = true
    this.#port.close()
    this.#late?.settle(threadEnded())
    this.#late = undefined
  }
}

/** As a sync that failed: nobody knows what is on the disk. */
function threadEnded(): Error {
  const message = 'EIO: the thread that writes has ended, fdatasync'
  return Object.assign(new Error(message), { code: 'EIO', syscall: 'fdatasync' })
}
