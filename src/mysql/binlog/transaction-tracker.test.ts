import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../lib/index.ts'
import { EventType } from './event-type.ts'
import { EventFlag } from './header.ts'
import { TransactionTracker } from './transaction-tracker.ts'

type Event = number | string | readonly [type: number, flags: number]

const GTIDS = [EventType.GTID, EventType.ANONYMOUS_GTID, EventType.GTID_TAGGED]
const ROWS = [EventType.TABLE_MAP, EventType.WRITE_ROWS]

/** Takes an event; a text is the one of a QUERY, or says which GTID of MariaDB comes. */
function take(tracker: TransactionTracker, event: Event): string {
  if (event === 'GROUP' || event === 'STANDALONE') {
    return tracker.take(EventType.MARIADB_GTID, 0, '', event === 'STANDALONE')
  }
  if (typeof event === 'string') return tracker.take(EventType.QUERY, 0, event)
  return typeof event === 'number'
    ? tracker.take(event, 0, '')
    : tracker.take(event[0], event[1], '')
}

describe('the shapes that a 9.7 server writes', () => {
  test.each<[string, Event[]]>([
    ['rows', ['BEGIN', ...ROWS, ...ROWS, EventType.XID]],
    ['rows with their statement', ['BEGIN', EventType.ROWS_QUERY, ...ROWS, EventType.XID]],
    ['rows of a table without transactions', ['BEGIN', ...ROWS, 'COMMIT']],
    [
      'a statement',
      ['BEGIN', EventType.INTVAR, EventType.RAND, EventType.USER_VAR, 'insert', EventType.XID],
    ],
    ['a definition', ['create table t (a int)']],
    ['a definition with a variable', [EventType.USER_VAR, 'create table t (a int)']],
    ['a table from a query', ['BEGIN', 'CREATE TABLE t START TRANSACTION', ...ROWS, EventType.XID]],
    [
      'savepoints',
      ['BEGIN', 'SAVEPOINT `s`', ...ROWS, 'ROLLBACK TO `s`', 'rollback to `s`', EventType.XID],
    ],
    ['a rollback', ['BEGIN', ...ROWS, 'ROLLBACK']],
    ['a rollback in lower case', ['BEGIN', ...ROWS, 'rollback /* x */']],
    [
      'XA in two phases',
      ["XA START X'67',X'62',5", ...ROWS, "XA END X'67',X'62',5", EventType.XA_PREPARE],
    ],
    ['the commit of XA', ["XA COMMIT X'67',X'62',5"]],
    ['the rollback of XA', ["XA ROLLBACK X'67',X'62',5"]],
    ['a compressed transaction', [EventType.TRANSACTION_PAYLOAD]],
    ['nothing', ['BEGIN', 'COMMIT']],
    ['an incident', [EventType.INCIDENT]],
    ['a heartbeat in the middle', ['BEGIN', EventType.HEARTBEAT_V2, ...ROWS, EventType.XID]],
  ])('%s: every event is inside, the last one ends it', (_what, events) => {
    for (const gtid of GTIDS) {
      const tracker = new TransactionTracker()
      const verdicts = [gtid, ...events].map((event) => take(tracker, event))
      expect(verdicts).toEqual([...events.map(() => 'inside'), 'ended'])
      expect(tracker.inTransaction).toBe(false)
    }
  })

  test('what stands between transactions is outside', () => {
    const tracker = new TransactionTracker()
    const between = [
      EventType.FORMAT_DESCRIPTION,
      EventType.PREVIOUS_GTIDS,
      EventType.HEARTBEAT,
      EventType.ROTATE,
      EventType.STOP,
    ]
    expect(between.map((type) => take(tracker, type))).toEqual(between.map(() => 'outside'))
  })
})

describe('the shapes that a MariaDB server writes', () => {
  const { MARIADB_ANNOTATE_ROWS, MARIADB_WRITE_ROWS_COMPRESSED, MARIADB_QUERY_COMPRESSED } =
    EventType
  test.each<[string, Event[]]>([
    [
      'rows',
      ['GROUP', MARIADB_ANNOTATE_ROWS, EventType.TABLE_MAP, EventType.WRITE_ROWS_V1, EventType.XID],
    ],
    [
      'compressed rows',
      ['GROUP', EventType.TABLE_MAP, MARIADB_WRITE_ROWS_COMPRESSED, EventType.XID],
    ],
    ['rows of a table without transactions', ['GROUP', ...ROWS, 'COMMIT']],
    [
      'statements',
      ['GROUP', EventType.USER_VAR, 'insert', 'SAVEPOINT `s`', 'ROLLBACK TO `s`', EventType.XID],
    ],
    ['a compressed statement', ['GROUP', MARIADB_QUERY_COMPRESSED, 'COMMIT']],
    ['a rollback', ['GROUP', ...ROWS, 'ROLLBACK']],
    ['XA in two phases', ['GROUP', ...ROWS, "XA END X'67',X'',1", EventType.XA_PREPARE]],
    ['the commit of XA', ['STANDALONE', "XA COMMIT X'67',X'',1"]],
    ['the rollback of XA', ['STANDALONE', "XA ROLLBACK X'67',X'',1"]],
    ['a definition', ['STANDALONE', 'create table t (a int)']],
    ['a compressed definition', ['STANDALONE', MARIADB_QUERY_COMPRESSED]],
    ['a definition with a variable', ['STANDALONE', EventType.USER_VAR, 'create table t (a int)']],
    [
      'rows that stand alone',
      ['STANDALONE', MARIADB_ANNOTATE_ROWS, EventType.TABLE_MAP, EventType.WRITE_ROWS],
    ],
    ['an incident', ['STANDALONE', EventType.INCIDENT]],
  ])('%s: every event is inside, the last one ends it', (_what, events) => {
    const tracker = new TransactionTracker()
    const verdicts = events.map((event) => take(tracker, event))
    expect(verdicts).toEqual([...events.slice(1).map(() => 'inside'), 'ended'])
    expect(tracker.inTransaction).toBe(false)
  })

  test('what stands between transactions is outside', () => {
    const tracker = new TransactionTracker()
    const between = [EventType.MARIADB_GTID_LIST, EventType.MARIADB_BINLOG_CHECKPOINT]
    expect(between.map((type) => take(tracker, type))).toEqual(['outside', 'outside'])
  })
})

test.each<[string, Event[]]>([
  ['a GTID after a GTID', [EventType.GTID, EventType.GTID]],
  ['a GTID in a transaction', [EventType.GTID, 'BEGIN', EventType.GTID_TAGGED]],
  ['BEGIN in a transaction', [EventType.GTID, 'BEGIN', 'BEGIN']],
  ['BEGIN after a variable', [EventType.GTID, EventType.INTVAR, 'BEGIN']],
  ['XID outside', [EventType.XID]],
  ['XID without BEGIN', [EventType.GTID, EventType.XID]],
  ['COMMIT without BEGIN', [EventType.GTID, 'COMMIT']],
  ['XA ROLLBACK outside', ['XA ROLLBACK X']],
  ['a payload without a GTID', [EventType.TRANSACTION_PAYLOAD]],
  ['a payload after BEGIN', [EventType.GTID, 'BEGIN', EventType.TRANSACTION_PAYLOAD]],
  ['a QUERY without text', [EventType.GTID, '']],
  ['an unknown type', [60]],
  ['a GTID in a group', ['GROUP', EventType.GTID]],
  ['a group in a group', ['GROUP', 'GROUP']],
  ['a group behind a standalone GTID', ['STANDALONE', 'GROUP']],
  ['a BEGIN in a group', ['GROUP', 'BEGIN']],
])('%s is refused, and leaves the state as it was', (_what, events) => {
  const tracker = new TransactionTracker()
  for (const event of events.slice(0, -1)) take(tracker, event)
  const before = tracker.inTransaction
  expect(() => take(tracker, events.at(-1) ?? 0)).toThrow(ProtocolError)
  expect(tracker.inTransaction).toBe(before)
})

test('an unknown type that may be ignored changes nothing', () => {
  const tracker = new TransactionTracker()
  expect(take(tracker, [60, EventFlag.IGNORABLE])).toBe('outside')
  take(tracker, EventType.GTID)
  expect(take(tracker, [60, EventFlag.IGNORABLE])).toBe('inside')
})

test('a transaction that was cut is forgotten by reset', () => {
  const tracker = new TransactionTracker()
  take(tracker, EventType.GTID)
  take(tracker, 'BEGIN')
  tracker.reset()
  expect(tracker.inTransaction).toBe(false)
  expect(take(tracker, EventType.GTID)).toBe('inside')
})

test('whatever comes, the verdict and the state agree, or it is a ProtocolError', () => {
  const texts = fc.constantFrom(
    'BEGIN',
    'COMMIT',
    'XA START x',
    'XA ROLLBACK x',
    'x',
    'ROLLBACK',
    '',
  )
  const types = fc.oneof(fc.nat(45), fc.integer({ min: 158, max: 173 }))
  const events = fc.array(fc.tuple(types, fc.constantFrom(0, 0x80), texts, fc.boolean()), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(events, (taken) => {
      const tracker = new TransactionTracker()
      for (const [type, flags, text, standalone] of taken) {
        try {
          const verdict = tracker.take(type, flags, text, standalone)
          expect(tracker.inTransaction).toBe(verdict === 'inside')
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ProtocolError)
        }
      }
    }),
  )
})

test('only a QUERY is asked for its text', () => {
  const asked = Object.values(EventType).filter((type) => TransactionTracker.needsQueryText(type))
  expect(asked).toEqual([EventType.QUERY])
  const flagged = Object.values(EventType).filter((type) =>
    TransactionTracker.needsStandalone(type),
  )
  expect(flagged).toEqual([EventType.MARIADB_GTID])
})
