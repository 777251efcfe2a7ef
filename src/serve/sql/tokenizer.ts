import { syntaxError } from './sql-error.ts'

/*
  word      identifier or keyword, not quoted
  quoted    identifier in back ticks
  string    in single or double quotes
  number    digits, with a fraction or exponent or not, or 0x and hexadecimal digits
  user      @name, text is the name
  system    @@name, text is what follows the @@, with its GLOBAL. or SESSION.
  symbol    anything else: an operator, a comma, a parenthesis
  end       behind the last one
*/
type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'user' | 'system' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** without quotes, @ and escapes */
  readonly text: string
  /** where it stands in the statement */
  readonly start: number
  readonly end: number
}

// What MySQL passes over. A comment that begins with /*! is text for MySQL: only its ends are passed over.
const BLANK = /(?:\s+|#[^\n]*|--(?=\s|$)[^\n]*|\/\*!\d*|\*\/|\/\*(?!!)[\s\S]*?(?:\*\/|$))+/y
const NUMBER = /0x[0-9a-f]+\b|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?(?![0-9a-z_$])/iy
const WORD = /[\p{L}\p{N}_$]+/uy
const SYSTEM = /@@([\p{L}\p{N}_$]+|`[^`]+`)(?:\.(?:[\p{L}\p{N}_$]+|`[^`]+`))*/uy
const USER = /@(?:[\p{L}\p{N}_$.]+|`[^`]*`|'[^']*'|"[^"]*")/uy
const QUOTED = /`((?:[^`]|``)*)`/y
const STRING = /'((?:[^'\\]|\\[\s\S]|'')*)'|"((?:[^"\\]|\\[\s\S]|"")*)"/y
const SYMBOL = /<=>|:=|<=|>=|<>|!=|\|\||&&|[\s\S]/y

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\x1a',
  // LIKE needs these two with their backslash.
  '%': '\\%',
  _: '\\_',
}

/** Cuts a statement into tokens, `end` last. A single semicolon at the end is left out. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(sql)
  }
  for (;;) {
    at += match(BLANK)?.[0].length ?? 0
    if (at >= sql.length) break
    const token = readToken(sql, at, match)
    tokens.push(token)
    at = token.end
  }
  if (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'symbol') tokens.pop()
  tokens.push({ kind: 'end', text: '', start: sql.length, end: sql.length })
  return tokens
}

function readToken(
  sql: string,
  start: number,
  match: (pattern: RegExp) => RegExpExecArray | null,
): Token {
  const token = (kind: TokenKind, text: string, size: number): Token => ({
    kind,
    text,
    start,
    end: start + size,
  })
  const number = match(NUMBER)?.[0]
  if (number !== undefined) return token('number', number, number.length)
  const word = match(WORD)?.[0]
  if (word !== undefined) return token('word', word, word.length)
  const system = match(SYSTEM)?.[0]
  if (system !== undefined) {
    return token('system', system.slice(2).replaceAll('`', ''), system.length)
  }
  const user = match(USER)?.[0]
  if (user !== undefined)
    return token('user', user.slice(1).replace(/^[`'"]|[`'"]$/g, ''), user.length)
  const quoted = match(QUOTED)
  if (quoted !== null) {
    return token('quoted', (quoted[1] ?? '').replaceAll('``', '`'), quoted[0].length)
  }
  const string = match(STRING)
  if (string !== null) return token('string', textOfString(string), string[0].length)
  const symbol = match(SYMBOL)?.[0] ?? ''
  if (symbol === "'" || symbol === '"' || symbol === '`') throw syntaxError(sql, start)
  return token('symbol', symbol, symbol.length)
}

function textOfString([whole, single, double]: RegExpExecArray): string {
  const quote = whole.charAt(0)
  const body = single ?? double ?? ''
  return body.replace(/\\([\s\S])|''|""/g, (found, escaped?: string) => {
    if (escaped !== undefined) return ESCAPES[escaped] ?? escaped
    return found === quote + quote ? quote : found
  })
}
