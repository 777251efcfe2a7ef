import { USER_VARIABLE_BYTES_MOST, USER_VARIABLES_MOST } from '../session/session-state.ts'
import { type Answer, OK } from './answer.ts'
import type { Cursor } from './cursor.ts'
import { ExpressionParser } from './expression.ts'
import type { Scope } from './scope.ts'
import { SqlError } from './sql-error.ts'
import { textOf, type Value } from './value.ts'
import { setSystemVariable } from './variables.ts'

/**
 * SET of user variables and of a session's own system variables, in lists, NAMES, CHARACTER SET and
 * TRANSACTION. What is before a refused part of a list stays set, as in MySQL.
 */
export function set(cursor: Cursor, scope: Scope): Answer {
  const parser = new ExpressionParser(cursor)
  if (takeTransaction(cursor)) return OK
  do setOne(cursor, parser, scope)
  while (cursor.takeSymbol(','))
  cursor.expectEnd()
  return OK
}

function setOne(cursor: Cursor, parser: ExpressionParser, scope: Scope): void {
  if (cursor.takeWord('NAMES')) {
    setCharacterSet(cursor, scope)
    if (cursor.takeWord('COLLATE')) cursor.next()
    return
  }
  const start = cursor.index
  if (cursor.takeWord('CHARACTER', 'CHARSET')) {
    if (cursor.takeWord('SET') || !cursor.isSymbol('=')) return setCharacterSet(cursor, scope)
    cursor.back(start)
  }
  if (cursor.token.kind === 'user') {
    const name = cursor.next().text.toLowerCase()
    expectAssignment(cursor)
    return setUserVariable(name, parser.parse()(scope), scope)
  }
  const name = readSystemName(cursor)
  expectAssignment(cursor)
  setSystemVariable(name, readSystemValue(cursor, parser, scope), scope)
}

/** Those of MySQL; utf8 is its older name for utf8mb3. */
const CHARACTER_SETS: ReadonlySet<string> = new Set(
  (
    'armscii8 ascii big5 binary cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 cp932 dec8 eucjpms euckr gb18030 ' +
    'gb2312 gbk geostd8 greek hebrew hp8 keybcs2 koi8r koi8u latin1 latin2 latin5 latin7 macce macroman sjis swe7 ' +
    'tis620 ucs2 ujis utf16 utf16le utf32 utf8 utf8mb3 utf8mb4 default'
  ).split(' '),
)

/** Remembered only: text is UTF-8 here, and what we say is ASCII but for names. */
function setCharacterSet(cursor: Cursor, scope: Scope): void {
  const name = cursor.token.kind === 'string' ? cursor.next().text : cursor.expectName()
  if (!CHARACTER_SETS.has(name.toLowerCase())) {
    throw new SqlError(1115, '42000', `Unknown character set: '${name}'`)
  }
  for (const use of ['client', 'connection', 'results']) {
    scope.session.systemVariables.set(`character_set_${use}`, name)
  }
}

/** A name with its GLOBAL or SESSION in the form that follows @@. */
function readSystemName(cursor: Cursor): string {
  if (cursor.token.kind === 'system') return cursor.next().text
  const word = cursor.expectName()
  const isScope = /^(global|session|local|persist|persist_only)$/i.test(word)
  if (isScope && !cursor.isSymbol('=', ':=')) return `${word}.${cursor.expectName()}`
  return word
}

/** A value may be written as a bare word: ON, utf8mb4, DEFAULT. */
function readSystemValue(cursor: Cursor, parser: ExpressionParser, scope: Scope): Value {
  const start = cursor.index
  if (cursor.token.kind === 'word') {
    const word = cursor.next().text
    if (cursor.atEnd() || cursor.isSymbol(',')) return /^null$/i.test(word) ? null : word
    cursor.back(start)
  }
  return parser.parse()(scope)
}

function expectAssignment(cursor: Cursor): void {
  if (!cursor.takeSymbol('=', ':=')) throw cursor.error()
}

function setUserVariable(name: string, value: Value, scope: Scope): void {
  const { userVariables } = scope.session
  userVariables.set(name, value)
  let size = 0
  for (const [key, kept] of userVariables) size += key.length + (textOf(kept)?.length ?? 0)
  if (userVariables.size <= USER_VARIABLES_MOST && size <= USER_VARIABLE_BYTES_MOST) return
  userVariables.delete(name)
  throw new SqlError(
    1041,
    'HY000',
    `a session may keep ${USER_VARIABLES_MOST} user variables of ${USER_VARIABLE_BYTES_MOST} characters`,
  )
}

/** SET [GLOBAL | SESSION] TRANSACTION ...: there are none here, so that any kind of them will do. */
function takeTransaction(cursor: Cursor): boolean {
  const start = cursor.index
  const global = cursor.isWord('GLOBAL')
  cursor.takeWord('GLOBAL', 'SESSION', 'LOCAL')
  if (!global && cursor.isWord('TRANSACTION')) return true
  cursor.back(start)
  return false
}
