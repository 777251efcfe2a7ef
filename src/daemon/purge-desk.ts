import type { Journal } from '../journal/index.ts'
import { OperationalError } from '../lib/index.ts'
import type { Engine } from './engine.ts'

const METHOD = 'purge'
const PURGE_MS = 10_000

export interface PurgeDeskParts extends Pick<Engine, 'cluster'> {
  readonly journal: Pick<Journal, 'purge'>
}

/** Removes files for whoever asks at this node: in a cluster the node that leads does it, and all others follow. */
export class PurgeDesk {
  readonly #parts: PurgeDeskParts

  constructor(parts: PurgeDeskParts) {
    this.#parts = parts
    parts.cluster?.node.management.handle(METHOD, async (body) => await this.#purgeHere(body))
  }

  /** Removes the files before this one. @throws OperationalError as Journal.purge, E_NOT_LEADER, E_PEER_* */
  async purge(upTo: string): Promise<void> {
    const node = this.#parts.cluster?.node
    if (node === undefined || node.leader === node.name) await this.#parts.journal.purge(upTo)
    else await node.askLeader(METHOD, upTo, PURGE_MS)
  }

  async #purgeHere(upTo: unknown): Promise<null> {
    if (typeof upTo !== 'string') {
      throw new OperationalError('E_PEER_VERSION', 'a purge that names no file')
    }
    await this.#parts.journal.purge(upTo)
    return null
  }
}
