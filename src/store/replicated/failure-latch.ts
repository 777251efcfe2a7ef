import { OperationalError } from '../../lib/index.ts'
import { diskFull, hasFoundNoRoom, isWriteFailure, writeFailed } from '../disk-error.ts'

/** Keeps the first failure of a disk: nothing is written after it. */
export class FailureLatch {
  readonly #folder: string
  #failure: OperationalError | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  get failure(): OperationalError | undefined {
    return this.#failure
  }

  /** @throws OperationalError: the failure, if there is one */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  release(): void {
    this.#failure = undefined
  }

  /** @throws OperationalError E_STORE_WRITE, E_DISK_FULL */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    this.check()
    try {
      return await work()
    } catch (thrown) {
      throw this.close(thrown)
    }
  }

  /** Of a read without whose answer nothing is written. @throws, and rejects, as `read`; E_STORE_WRITE is kept */
  async needing<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (thrown) {
      throw isWriteFailure(thrown) ? this.close(thrown) : thrown
    }
  }

  /** The same of a write, which may be done when the call returns. @throws, and rejects, as `guard` */
  writing(write: () => Promise<void> | undefined): Promise<void> | undefined {
    const failed = (thrown: unknown): never => {
      throw this.close(thrown)
    }
    try {
      return write()?.catch(failed)
    } catch (thrown) {
      return failed(thrown)
    }
  }

  /** What is told of something thrown by a write; what is our own bug closes nothing. */
  close(thrown: unknown): Error {
    if (thrown instanceof OperationalError) this.#failure ??= thrown
    else if (!(thrown instanceof Error) || !('code' in thrown)) return thrown as Error
    if (this.#failure === undefined) {
      const explain = hasFoundNoRoom(thrown) ? diskFull : writeFailed
      this.#failure = explain(this.#folder, thrown)
    }
    return this.#failure
  }
}
