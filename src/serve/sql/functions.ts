import { ProtocolError } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { refuseTooLong } from './answer.ts'
import type { Scope } from './scope.ts'
import { SqlError } from './sql-error.ts'
import { textOf, type Value } from './value.ts'

interface SqlFunction {
  readonly least: number
  readonly most: number
  readonly call: (values: readonly Value[], scope: Scope) => Value
}

const ANY = Number.POSITIVE_INFINITY

const plain = (call: (scope: Scope) => Value): SqlFunction => ({
  least: 0,
  most: 0,
  call: (_, scope) => call(scope),
})

const ofTwoSets = (call: (left: GtidSet, right: GtidSet) => Value): SqlFunction => ({
  least: 2,
  most: 2,
  call([left = null, right = null]) {
    if (left === null || right === null) return null
    return call(gtidSetOf(left), gtidSetOf(right))
  },
})

const ofText = (call: (text: string) => Value): SqlFunction => ({
  least: 1,
  most: 1,
  call([value = null]) {
    const text = textOf(value)
    return text === null ? null : call(text)
  },
})

const account = plain(({ session }) => `${session.user}@${session.host}`)
const currentUser = plain(({ session }) => `${session.user}@%`)
const database = plain(({ session }) => session.database ?? null)
const now: SqlFunction = { least: 0, most: 1, call: (_, scope) => dateTime(scope.nowMs) }

/**
 * Asked by a MariaDB replica that goes by file and position, so that it could go by GTIDs later: NULL, as for a
 * position that MariaDB does not know, leaves that to CHANGE MASTER.
 */
const binlogGtidPos: SqlFunction = {
  least: 2,
  most: 2,
  call(_, { facts }) {
    if (facts.flavor === 'mariadb') return null
    throw unknownFunction('binlog_gtid_pos')
  },
}

const FUNCTIONS: ReadonlyMap<string, SqlFunction> = new Map([
  ['UNIX_TIMESTAMP', plain((scope) => BigInt(Math.floor(scope.nowMs / 1000)))],
  ['NOW', now],
  ['CURRENT_TIMESTAMP', now],
  ['UTC_TIMESTAMP', now],
  ['VERSION', plain((scope) => scope.facts.version)],
  ['CONNECTION_ID', plain((scope) => BigInt(scope.session.connectionId))],
  ['UUID', plain((scope) => scope.uuid())],
  ['USER', account],
  ['SESSION_USER', account],
  ['CURRENT_USER', currentUser],
  ['DATABASE', database],
  ['SCHEMA', database],
  ['GTID_SUBSET', ofTwoSets((left, right) => (right.contains(left) ? 1n : 0n))],
  ['GTID_SUBTRACT', ofTwoSets((left, right) => left.subtract(right).toString())],
  ['BINLOG_GTID_POS', binlogGtidPos],
  ['LOWER', ofText((text) => text.toLowerCase())],
  ['UPPER', ofText((text) => text.toUpperCase())],
  ['IFNULL', { least: 2, most: 2, call: firstOf }],
  ['COALESCE', { least: 1, most: ANY, call: firstOf }],
  ['CONCAT', { least: 1, most: ANY, call: joined }],
])

export function callFunction(name: string, values: readonly Value[], scope: Scope): Value {
  const found = FUNCTIONS.get(name.toUpperCase())
  if (found === undefined) throw unknownFunction(name)
  if (values.length < found.least || values.length > found.most) {
    throw new SqlError(
      1582,
      '42000',
      `Incorrect parameter count in the call to native function '${name}'`,
    )
  }
  spend(values, scope)
  return found.call(values, scope)
}

function unknownFunction(name: string): SqlError {
  return new SqlError(1305, '42000', `FUNCTION ${name} does not exist`)
}

/** Characters that the functions of one statement look at in all: more would hold up everybody else. */
const CHARACTERS_MOST = 32 * 1024 * 1024
const spent = new WeakMap<Scope, number>()

function spend(values: readonly Value[], scope: Scope): void {
  let characters = spent.get(scope) ?? 0
  for (const value of values) characters += typeof value === 'string' ? value.length : 1
  if (characters > CHARACTERS_MOST) {
    throw new SqlError(1235, '42000', 'functions of texts this long are not supported')
  }
  spent.set(scope, characters)
}

function gtidSetOf(value: Value): GtidSet {
  const text = textOf(value) ?? ''
  try {
    return GtidSet.parse(text)
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    throw new SqlError(1772, 'HY000', `Malformed GTID set specification '${text}'.`)
  }
}

function firstOf(values: readonly Value[]): Value {
  return values.find((value) => value !== null) ?? null
}

function joined(values: readonly Value[]): Value {
  if (values.includes(null)) return null
  const texts = values.map(textOf)
  refuseTooLong(texts)
  return texts.join('')
}

/** `YYYY-MM-DD HH:MM:SS` in UTC, which is our time zone. */
function dateTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}
