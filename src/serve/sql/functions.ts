import { ProtocolError } from '../../lib/index.ts'
import { type Column, GtidSet } from '../../mysql/index.ts'
import {
  countColumn,
  dateColumn,
  dateTimeColumn,
  integerColumn,
  nameColumn,
  refuseTooLong,
  timeColumn,
} from './answer.ts'
import type { Scope } from './scope.ts'
import { SqlError } from './sql-error.ts'
import { dateTime, secondsOfTime, timeDifference } from './time.ts'
import { numberOf, textOf, truthOf, type Value } from './value.ts'

interface SqlFunction {
  readonly least: number
  readonly most: number
  readonly call: (values: readonly Value[], scope: Scope) => Value
  readonly shape?: (name: string, value: Value) => Column
}

const ANY = Number.POSITIVE_INFINITY
const FRACTION_DIGITS_MOST = 6

const plain = (call: (scope: Scope) => Value, shape?: SqlFunction['shape']): SqlFunction => ({
  least: 0,
  most: 0,
  call: (_, scope) => call(scope),
  ...(shape === undefined ? {} : { shape }),
})

const neverNull = (name: string, value: Value): Column => nameColumn(name, String(value).length)

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

const ofTwoTexts = (call: (left: string, right: string) => Value): SqlFunction => ({
  least: 2,
  most: 2,
  call([left = null, right = null]) {
    return left === null || right === null ? null : call(String(left), String(right))
  },
})

const account = plain(({ session }) => `${session.user}@${session.host}`)
const currentUser = plain(({ session }) => `${session.user}@%`)
const database = plain(({ session }) => session.database ?? null)
const now: SqlFunction = {
  least: 0,
  most: 1,
  call: ([digits = 0n], scope) => dateTime(scope.nowMs, fractionDigits(digits)),
  shape: momentColumn(dateTimeColumn),
}
const today = plain((scope) => dateTime(scope.nowMs).slice(0, 10), dateColumn)
const timeOfDay: SqlFunction = {
  ...now,
  call: ([digits = 0n], scope) => dateTime(scope.nowMs, fractionDigits(digits)).slice(11),
  shape: momentColumn(timeColumn),
}

function fractionDigits(value: Value): number {
  const digits = Number(numberOf(value))
  if (digits <= FRACTION_DIGITS_MOST) return Math.max(0, Math.trunc(digits))
  const message = `Too-big precision ${digits} specified for 'now'. Maximum is ${FRACTION_DIGITS_MOST}.`
  throw new SqlError(1426, '42000', message)
}

/** As long as the fraction of the second that its value has. */
function momentColumn(shape: (name: string) => Column): (name: string, value: Value) => Column {
  return (name, value) => {
    const digits = String(value).split('.')[1]?.length ?? 0
    const column = shape(name)
    return { ...column, decimals: digits, length: column.length + (digits === 0 ? 0 : digits + 1) }
  }
}

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
  ['UNIX_TIMESTAMP', plain((scope) => BigInt(Math.floor(scope.nowMs / 1000)), integerColumn)],
  ['NOW', now],
  ['CURRENT_TIMESTAMP', now],
  ['LOCALTIME', now],
  ['LOCALTIMESTAMP', now],
  ['SYSDATE', now],
  ['UTC_TIMESTAMP', now],
  ['CURDATE', today],
  ['CURRENT_DATE', today],
  ['UTC_DATE', today],
  ['CURTIME', timeOfDay],
  ['CURRENT_TIME', timeOfDay],
  ['UTC_TIME', timeOfDay],
  ['TIMEDIFF', ofTwoTexts(timeDifference)],
  ['TIME_TO_SEC', ofText(secondsOfTime)],
  ['VERSION', plain((scope) => scope.facts.version, neverNull)],
  ['CONNECTION_ID', plain((scope) => BigInt(scope.session.connectionId), countColumn)],
  ['UUID', plain((scope) => scope.uuid())],
  ['USER', account],
  ['SESSION_USER', account],
  ['SYSTEM_USER', account],
  ['CURRENT_USER', currentUser],
  ['CURRENT_ROLE', plain(() => 'NONE')],
  ['DATABASE', database],
  ['SCHEMA', database],
  ['GTID_SUBSET', ofTwoSets((left, right) => (right.contains(left) ? 1n : 0n))],
  ['GTID_SUBTRACT', ofTwoSets((left, right) => left.subtract(right).toString())],
  ['BINLOG_GTID_POS', binlogGtidPos],
  ['LOWER', ofText((text) => text.toLowerCase())],
  ['UPPER', ofText((text) => text.toUpperCase())],
  ['LENGTH', ofText((text) => BigInt(Buffer.byteLength(text)))],
  ['CHAR_LENGTH', ofText((text) => BigInt(text.length))],
  ['SUBSTRING_INDEX', { least: 3, most: 3, call: substringIndex }],
  ['IF', { least: 3, most: 3, call: chosen }],
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

/** The column of what it gives, where that does not follow from the value. */
export function shapeOfFunction(name: string): SqlFunction['shape'] {
  return FUNCTIONS.get(name.toUpperCase())?.shape
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

export function gtidSetOf(value: Value): GtidSet {
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

/** What stands before the n-th of the delimiters, or, for a negative n, behind the n-th from the end. */
function substringIndex([text = null, delimiter = null, count = null]: readonly Value[]): Value {
  if (text === null || delimiter === null || count === null) return null
  const wanted = Number(numberOf(count))
  if (delimiter === '' || wanted === 0) return ''
  const parts = String(text).split(String(delimiter))
  const kept = wanted > 0 ? parts.slice(0, wanted) : parts.slice(wanted)
  return kept.join(String(delimiter))
}

function chosen([condition = null, yes = null, no = null]: readonly Value[]): Value {
  return truthOf(condition) === true ? yes : no
}
