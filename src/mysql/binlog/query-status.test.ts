import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventsOf, fixture } from '../../../test/captured-files.ts'
import { EventType } from './event-type.ts'
import { queryXid } from './query-status.ts'
import { rowEventFlagNames } from './row-events.ts'

const CAPTURED = ['plain.000002', 'ddl-xa.000005', 'statement-rowsquery-partialjson.000007']
const events = CAPTURED.flatMap((name) => eventsOf(fixture(name)))
const queries = events.filter((event) => event[4] === EventType.QUERY)

describe('the number that a definition was logged with', () => {
  test('is read from what a server wrote, and is absent from other statements', () => {
    const xids = queries.map((event) => [queryXid(event), event.includes('BEGIN')] as const)
    expect(xids[0]).toEqual([11n, false])
    expect(xids.filter(([xid]) => xid !== undefined).length).toBeGreaterThan(8)
    const begins = xids.filter(([, isBegin]) => isBegin)
    expect(begins.length).toBeGreaterThan(5)
    expect(begins.every(([xid]) => xid === undefined)).toBe(true)
  })

  test('cannot be told of an event that is cut, or is none', () => {
    const query = queries[0] ?? Buffer.alloc(0)
    for (let size = 0; size < 60; size += 1) {
      expect(queryXid(query.subarray(0, size))).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(['undefined', 'bigint']).toContain(typeof queryXid(Buffer.from(bytes)))
      }),
    )
  })
})

test('the flags of row events have their names', () => {
  const rows = events.filter((event) => event[4] === EventType.WRITE_ROWS)
  expect(rows.map(rowEventFlagNames)).toContainEqual(['STMT_END_F', 'USE_SQL_FOREIGN_KEY_F'])
  const all = Buffer.alloc(27, 0xff)
  expect(rowEventFlagNames(all).join()).toBe(
    'STMT_END_F,NO_FOREIGN_KEY_CHECKS_F,RELAXED_UNIQUE_CHECKS_F,USE_SQL_FOREIGN_KEY_F,COMPLETE_ROWS_F',
  )
  expect(() => rowEventFlagNames(all.subarray(0, 26))).toThrow('need')
})
