/*
  Rule 13: a store is used by one process at a time, and a copy of it is another store. etcd keeps for each store
  the token of its last start; every start replaces it by a new one. Of two copies only one can find the token that it
  knows; the other takes a new store id.

  The new token is on the disk before it goes to etcd: a process that died in between recognizes its own write, whether
  it was applied then, late, or not at all. (A number in its place could not tell that from a copy's.)
*/

/** A random text that is never used twice. */
export type Token = string

/** What the disk keeps of it. */
export interface StoreRecord {
  readonly store: string
  /** of the last start that was completed; undefined in a new store */
  readonly token: Token | undefined
  /** of starts since then that did not come so far; bounded by `INTENDED_MAX` */
  readonly intended: readonly Token[]
}

export interface TokenRead {
  /** 0 when the key is absent */
  readonly revision: number
  readonly token: Token | undefined
}

export type StartStep =
  /** make this durable; then `written` */
  | { readonly kind: 'write'; readonly record: StoreRecord }
  /** read the store's token, linearizable; then `read` */
  | { readonly kind: 'read' }
  /** replace the token if the key has this revision still; then `read` whatever the answer was */
  | { readonly kind: 'swap'; readonly compare: number; readonly token: Token }
  /** the store is this process's alone */
  | { readonly kind: 'done' }
  /** this is a copy, or was rolled back: it goes on as a new store, under a new id */
  | { readonly kind: 'another' }

/** More starts without an end than this: the oldest is forgotten, and would be taken for a copy's. */
const INTENDED_MAX = 1000

/** The start of one process, step by step. */
export class StoreStart {
  #record: StoreRecord
  readonly #token: Token
  #stage: 'intending' | 'reading' | 'completing' = 'intending'

  constructor(record: StoreRecord, token: Token) {
    const intended = [...record.intended, token].slice(-INTENDED_MAX)
    this.#record = { ...record, intended }
    this.#token = token
  }

  start(): StartStep {
    return { kind: 'write', record: this.#record }
  }

  written(): StartStep {
    if (this.#stage === 'completing') return { kind: 'done' }
    this.#stage = 'reading'
    return { kind: 'read' }
  }

  read({ revision, token }: TokenRead): StartStep {
    if (token === this.#token) {
      this.#stage = 'completing'
      this.#record = { ...this.#record, token, intended: [] }
      return { kind: 'write', record: this.#record }
    }
    if (!this.isOurs(token)) return { kind: 'another' }
    return { kind: 'swap', compare: revision, token: this.#token }
  }

  /** It is the token of this store's last start, or of one that died on its way. */
  isOurs(token: Token | undefined): boolean {
    const { token: last, intended } = this.#record
    return token === last || (token !== undefined && intended.includes(token))
  }
}
