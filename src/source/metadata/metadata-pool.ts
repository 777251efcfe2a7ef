/*
  A few connections to the source for questions about tables, with the account that may see nothing else. Each is
  opened when it is needed, kept for the next question, and closed when nobody asks any more.
*/
import { OperationalError } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'
import type { SourceAddress } from '../source-address.ts'
import {
  MetadataConnection,
  type MetadataPart,
  type MetadataQuestion,
} from './metadata-connection.ts'
import type { MetadataLimits } from './metadata-limits.ts'

export interface MetadataPoolOptions {
  /**
   * The source as it is now, with the account for metadata; undefined where none is known. The same object as long
   * as it is the same source.
   */
  readonly address: () => SourceAddress | undefined
  readonly limits: MetadataLimits
  readonly clock: Clock
}

interface Idle {
  readonly connection: MetadataConnection
  readonly address: SourceAddress
  readonly cancelEnd: () => void
}

export class MetadataPool {
  readonly #options: MetadataPoolOptions
  /** newest last */
  readonly #idle: Idle[] = []
  readonly #waiting = new Set<() => void>()
  #used = 0
  #isClosed = false

  constructor(options: MetadataPoolOptions) {
    this.#options = options
  }

  /**
   * The source's answer, part by part; nothing more is read from the source than what is taken here.
   * @throws OperationalError E_METADATA_BUSY, E_SOURCE_UNCONFIGURED and those of a login at the source; ProtocolError
   */
  async *ask(question: MetadataQuestion, signal: AbortSignal): AsyncGenerator<MetadataPart> {
    await this.#enter(signal)
    const late = new AbortController()
    // Also while the client takes nothing, and nobody comes to the end of this function.
    const cancel = this.#options.clock.after(this.#options.limits.answerMs, () => {
      late.abort()
      this.#leave()
    })
    try {
      yield* this.#askInside(question, AbortSignal.any([signal, late.signal]))
    } finally {
      cancel()
      if (!late.signal.aborted) this.#leave()
    }
  }

  /** Closes all connections; whoever asks then gets no answer. */
  close(): void {
    this.#isClosed = true
    for (const { connection, cancelEnd } of this.#idle.splice(0)) {
      cancelEnd()
      connection.close()
    }
  }

  async *#askInside(question: MetadataQuestion, signal: AbortSignal): AsyncGenerator<MetadataPart> {
    for (;;) {
      const address = this.#address()
      const kept = this.#takeIdle(address)
      const connection = kept ?? (await this.#open(address, signal))
      let isWhole = false
      let isBegun = false
      const close = (): void => connection.close()
      signal.addEventListener('abort', close, { once: true })
      try {
        for await (const part of connection.ask(question)) {
          isBegun = true
          yield part
        }
        isWhole = true
        return
      } catch (error) {
        // A source closes what was idle for long, which is noticed here only after the question was sent.
        if (kept === undefined || isBegun || !isClosed(error) || signal.aborted) throw error
      } finally {
        signal.removeEventListener('abort', close)
        if (isWhole) this.#keep(connection, address)
        else connection.close()
      }
    }
  }

  #address(): SourceAddress {
    const address = this.#options.address()
    if (address !== undefined) return address
    throw new OperationalError('E_SOURCE_UNCONFIGURED', 'no source is known to ask for its tables')
  }

  async #open(address: SourceAddress, signal: AbortSignal): Promise<MetadataConnection> {
    const { limits, clock } = this.#options
    try {
      return await MetadataConnection.open({ address, limits, clock }, signal)
    } catch (cause) {
      if (!signal.aborted) throw cause
      const message = 'the login at the source is given up: its answer would come too late'
      throw new OperationalError('E_SOURCE_CLOSED', message, {}, { cause })
    }
  }

  /** A connection that is as good as a new one. Those to a source that is not the current one are closed. */
  #takeIdle(address: SourceAddress): MetadataConnection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      idle.cancelEnd()
      if (idle.address === address && idle.connection.isOpen) return idle.connection
      idle.connection.close()
    }
    return undefined
  }

  #keep(connection: MetadataConnection, address: SourceAddress): void {
    if (this.#isClosed) {
      connection.close()
      return
    }
    const cancelEnd = this.#options.clock.after(this.#options.limits.idleMs, () => {
      this.#idle.splice(this.#idle.indexOf(idle), 1)
      connection.close()
    })
    const idle = { connection, address, cancelEnd }
    this.#idle.push(idle)
  }

  /** Waits for its turn. @throws OperationalError E_METADATA_BUSY */
  async #enter(signal: AbortSignal): Promise<void> {
    const { limits, clock } = this.#options
    if (this.#used < limits.connectionsMost) {
      this.#used += 1
      return
    }
    if (this.#waiting.size >= limits.waitingMost)
      throw busy(`${limits.waitingMost} others wait, too`)
    const isMine = await new Promise<boolean>((resolve) => {
      const settle = (mine: boolean): void => {
        this.#waiting.delete(take)
        cancel()
        signal.removeEventListener('abort', giveUp)
        resolve(mine)
      }
      const take = (): void => settle(true)
      const giveUp = (): void => settle(false)
      const cancel = clock.after(limits.waitMs, giveUp)
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.add(take)
    })
    if (!isMine) throw busy(`none was free within ${limits.waitMs} ms`)
  }

  /** Hands the turn on to who waits longest. */
  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#used -= 1
    else next()
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof OperationalError && error.code === 'E_SOURCE_CLOSED'
}

function busy(why: string): OperationalError {
  const message = `all connections to the source for questions about tables are in use: ${why}; ask again`
  return new OperationalError('E_METADATA_BUSY', message)
}
