import { SqlError, syntaxError } from './sql-error.ts'

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

/** Tokens of one statement; more would take a hundred times their size in memory. Beyond it: error 1436. */
const TOKENS_MOST = 10_000

/*
  No pattern repeats a choice, as `(a|b)*` does: the engine keeps a way back for each round, and a statement
  of a few MB would overrun its stack. What needs that is a loop of ours.
*/
// What MySQL passes over. A comment that begins with /*! is text for MySQL: only its ends are passed over.
const BLANK = /\s+|#[^\n]*|--(?=\s|$)[^\n]*|\/\*!\d*|\*\/|\/\*(?!!)[\s\S]*?(?:\*\/|$)/y
const NUMBER = /0x[0-9a-f]+\b|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?(?![0-9a-z_$])/iy
const WORD = /[\p{L}\p{N}_$]+/uy
const SYSTEM = /@@(?:[\p{L}\p{N}_$]+|`[^`]+`)(?:\.(?:[\p{L}\p{N}_$]+|`[^`]+`)){0,2}/uy
const USER = /@(?:[\p{L}\p{N}_$.]+|`[^`]*`|'[^']*'|"[^"]*")/uy
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
    for (let blank = match(BLANK); blank !== null; blank = match(BLANK)) at += blank[0].length
    if (at >= sql.length) break
    if (tokens.length === TOKENS_MOST) throw tooLong()
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
  const symbol = match(SYMBOL)?.[0] ?? ''
  if (symbol !== "'" && symbol !== '"' && symbol !== '`') {
    return token('symbol', symbol, symbol.length)
  }
  const end = endOfQuoted(sql, start, symbol)
  if (end === undefined) throw syntaxError(sql, start)
  const body = sql.slice(start + 1, end - 1)
  if (symbol === '`') return token('quoted', body.replaceAll('``', '`'), end - start)
  return token('string', textOfString(body, symbol), end - start)
}

/** Behind the quote that ends what begins at `start`; undefined when none does. */
function endOfQuoted(sql: string, start: number, quote: string): number | undefined {
  for (let at = start + 1; at < sql.length; at += 1) {
    const character = sql.charAt(at)
    // Twice the quote stands for itself, and a backslash keeps what follows, but in back ticks.
    if (character === '\\' && quote !== '`') at += 1
    else if (character === quote && sql.charAt(at + 1) !== quote) return at + 1
    else if (character === quote) at += 1
  }
  return undefined
}

function tooLong(): SqlError {
  return new SqlError(1436, 'HY000', `Statements of more than ${TOKENS_MOST} words are not read`)
}

function textOfString(body: string, quote: string): string {
  return body.replace(/\\([\s\S])|''|""/g, (found, escaped?: string) => {
    if (escaped !== undefined) return ESCAPES[escaped] ?? escaped
    return found === quote + quote ? quote : found
  })
}
