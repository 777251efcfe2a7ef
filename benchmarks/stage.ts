import type { Kingbus } from '../test/e2e/harness/kingbus.ts'
import type { ClientPool } from './client/client-pool.ts'
import type { Corpus } from './corpus.ts'
import { ingestByKingbus, stopAndRemove } from './taking-in.ts'

export interface StageOptions {
  readonly corpus: Corpus
  readonly pool: ClientPool
  readonly repeats: number
  readonly scale: number
  /** on the disk that is measured */
  readonly folder: string
}

/** What all benchmarks on one corpus share: its source, and a Kingbus that holds all of it. */
export class Stage {
  readonly corpus: Corpus
  readonly pool: ClientPool
  readonly repeats: number
  readonly scale: number
  readonly folder: string
  #kingbus: Kingbus | undefined

  constructor(options: StageOptions) {
    this.corpus = options.corpus
    this.pool = options.pool
    this.repeats = options.repeats
    this.scale = options.scale
    this.folder = options.folder
  }

  /** The one that was left by a benchmark before, or a fresh one. */
  async kingbus(): Promise<Kingbus> {
    this.#kingbus ??= (await ingestByKingbus(this.corpus)).kingbus
    return this.#kingbus
  }

  /** From now on this one, which holds all of the corpus. */
  async replaceKingbus(kingbus: Kingbus): Promise<void> {
    await this.removeKingbus()
    this.#kingbus = kingbus
  }

  async removeKingbus(): Promise<void> {
    const kingbus = this.#kingbus
    this.#kingbus = undefined
    if (kingbus !== undefined) await stopAndRemove(kingbus)
  }
}
