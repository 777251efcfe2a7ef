import { present } from '../../lib/index.ts'
import { syntaxError } from './sql-error.ts'
import { type Token, tokenize } from './tokenizer.ts'

/** A place in a statement's tokens. What is expected and not there is error 1064. */
export class Cursor {
  readonly sql: string
  readonly #tokens: readonly Token[]
  #index = 0

  constructor(sql: string) {
    this.sql = sql
    this.#tokens = tokenize(sql)
  }

  get token(): Token {
    return present(this.#tokens[this.#index], 'token')
  }

  /** where the token before this one ends */
  get lastEnd(): number {
    return this.#index === 0 ? 0 : present(this.#tokens[this.#index - 1], 'token').end
  }

  get index(): number {
    return this.#index
  }

  /** Goes back to an index that was read before. */
  back(index: number): void {
    this.#index = index
  }

  next(): Token {
    const token = this.token
    if (token.kind !== 'end') this.#index += 1
    return token
  }

  atEnd(): boolean {
    return this.token.kind === 'end'
  }

  /** Is this token one of the keywords? */
  isWord(...words: readonly string[]): boolean {
    return this.token.kind === 'word' && words.includes(this.token.text.toUpperCase())
  }

  isSymbol(...symbols: readonly string[]): boolean {
    return this.token.kind === 'symbol' && symbols.includes(this.token.text)
  }

  /** Goes past the keyword if it stands here. */
  takeWord(...words: readonly string[]): boolean {
    if (!this.isWord(...words)) return false
    this.next()
    return true
  }

  takeSymbol(...symbols: readonly string[]): boolean {
    if (!this.isSymbol(...symbols)) return false
    this.next()
    return true
  }

  /** Does what was read end here: before a comma, one of the keywords, or at the end? */
  isEndOf(...words: readonly string[]): boolean {
    return this.atEnd() || this.isSymbol(',') || this.isWord(...words)
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.error()
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.error()
  }

  /** A name, quoted or not. */
  expectName(): string {
    if (this.token.kind !== 'word' && this.token.kind !== 'quoted') throw this.error()
    return this.next().text
  }

  expectEnd(): void {
    if (!this.atEnd()) throw this.error()
  }

  error(): Error {
    return syntaxError(this.sql, this.token.start)
  }

  /** The tokens from here on that stand in no parentheses. */
  *outer(): Generator<Token> {
    let depth = 0
    for (const token of this.#tokens.slice(this.#index)) {
      if (token.kind === 'symbol' && token.text === '(') depth += 1
      if (token.kind === 'symbol' && token.text === ')') depth -= 1
      if (depth === 0) yield token
    }
  }
}
