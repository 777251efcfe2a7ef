import type { Cursor } from '../sql/cursor.ts'

const COLUMN_PARTS_MOST = 3

/**
 * Goes through a statement and writes it anew for the source: keywords and values as they were typed, every name in
 * back ticks (so that none is taken for a keyword there), no comments. What is expected and not there is error 1064.
 */
export class Rendering {
  readonly cursor: Cursor
  #text = ''

  constructor(cursor: Cursor) {
    this.cursor = cursor
  }

  get text(): string {
    return this.#text
  }

  takeWord(...words: readonly string[]): boolean {
    if (!this.cursor.isWord(...words)) return false
    this.#copy()
    return true
  }

  expectWord(...words: readonly string[]): void {
    if (!this.takeWord(...words)) throw this.cursor.error()
  }

  takeSymbol(...symbols: readonly string[]): boolean {
    if (!this.cursor.isSymbol(...symbols)) return false
    this.#copy()
    return true
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.cursor.error()
  }

  expectString(): void {
    if (this.cursor.token.kind !== 'string') throw this.cursor.error()
    this.#copy()
  }

  takeLiteral(): boolean {
    const { kind } = this.cursor.token
    if (kind !== 'string' && kind !== 'number') return false
    this.#copy()
    return true
  }

  expectNumber(): void {
    if (this.cursor.token.kind !== 'number') throw this.cursor.error()
    this.#copy()
  }

  /** A name, which is returned. */
  expectName(): string {
    const gap = this.#gap()
    const name = this.cursor.expectName()
    this.#text += `${gap}\`${name.replaceAll('`', '``')}\``
    return name
  }

  /** Two names with a point between them, or one. */
  expectQualifiedName(): readonly string[] {
    const first = this.expectName()
    return this.takeSymbol('.') ? [first, this.expectName()] : [first]
  }

  /** A column, perhaps of a table that is named, perhaps of a schema that is named. */
  expectColumn(): void {
    for (let parts = 1; ; parts += 1) {
      this.expectName()
      if (parts === COLUMN_PARTS_MOST || !this.takeSymbol('.')) return
    }
  }

  #copy(): void {
    const gap = this.#gap()
    const { start, end } = this.cursor.next()
    this.#text += gap + this.cursor.sql.slice(start, end)
  }

  /** Nothing where the tokens touch, as those of a function must; else a blank in place of what stood there. */
  #gap(): string {
    const between = this.cursor.sql.slice(this.cursor.lastEnd, this.cursor.token.start)
    // What MySQL reads and others do not has no business in a question about tables.
    if (between.includes('/*!')) throw this.cursor.error()
    return between === '' || this.#text === '' ? '' : ' '
  }
}
