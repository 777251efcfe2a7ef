import { InvariantError, Watch, type Watched } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type {
  Chunk,
  FileBegin,
  LastTransaction,
  LogEnd,
  Position,
  Store,
  VisibleEnd,
} from '../store/index.ts'
import type { Journal } from './journal.ts'

/** The journal of one machine: a record is committed when the store has it on the disk. */
export class LocalJournal implements Journal {
  readonly #store: Store
  readonly #committed: Watch<number>
  readonly #failed = new Watch<Error | undefined>(undefined)

  constructor(store: Store) {
    this.#store = store
    this.#committed = new Watch(store.sequence)
  }

  get committed(): Watched<number> {
    return this.#committed
  }

  get failed(): Watched<Error | undefined> {
    return this.#failed
  }

  get visible(): Watched<VisibleEnd | undefined> {
    return this.#store.visible
  }

  get end(): LogEnd | undefined {
    return this.#store.end
  }

  get origin(): FileBegin | undefined {
    return this.#store.origin
  }

  heldGtids(): GtidSet {
    return this.#store.heldGtids()
  }

  lastTransaction(): Promise<LastTransaction | undefined> {
    return this.#store.lastTransaction()
  }

  append(chunk: Chunk): Promise<number> {
    return Promise.resolve(this.#store.append(chunk))
  }

  beginFile(begin: FileBegin): Promise<void> {
    throw new InvariantError(`not written yet: ${begin.name}`)
  }

  cut(to: Position): Promise<void> {
    throw new InvariantError(`not written yet: ${to.file}`)
  }

  purge(upTo: string): Promise<void> {
    throw new InvariantError(`not written yet: ${upTo}`)
  }

  settled(): Promise<void> {
    throw new InvariantError('not written yet')
  }
}
