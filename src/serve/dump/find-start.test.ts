import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { REAL_FILES } from './testing/captures.ts'
import { dumpsOver, until, wholeDump } from './testing/run-dumps.ts'

const SOURCE = '90b578d4-e6e1-11f1-82c0-02fc00000001'

async function errorOf(change: Parameters<typeof wholeDump>[1]) {
  const { ended } = await wholeDump(REAL_FILES, change)
  expect(ended.kind).toBe('error')
  expect(ended.error?.sqlState).toBe('HY000')
  return `${ended.error?.code} ${ended.error?.message}`
}

describe('the start of a dump', () => {
  it.each([
    ['binlog.000001', 4, '1236 Could not find first log file name in binary log index file'],
    ['other.000009', 4, '1236 Could not find first log file name in binary log index file'],
    ['binlog', 4, '1236 Could not find first log file name in binary log index file'],
    ['binlog.000003', 3, '1236 Client requested source to start replication from position < 4'],
    [
      'binlog.000003',
      1945,
      '1236 Client requested source to start replication from position > file size',
    ],
    [
      'binlog.000008',
      4,
      "1105 Kingbus has not received binary log 'binlog.000008' yet; its newest one is " +
        "'binlog.000007'",
    ],
  ])('answers %s at %i with %s', async (file, position, message) => {
    expect(await errorOf({ from: { file, position } })).toBe(message)
  })

  it.each([5, 126, 128, 199, 1000])('refuses position %i, inside an event', async (position) => {
    const message = await errorOf({ from: { file: 'binlog.000003', position } })
    expect(message).toBe(
      '1236 binlog truncated in the middle of event; consider out of disk space on source; the first ' +
        `event 'binlog.000003' at ${position}, the last event read from './binlog.000003' at ` +
        `${position}, the last byte read from './binlog.000003' at ${position}.`,
    )
  })

  it('takes the oldest file for an empty name, and a name up to its first NUL', async () => {
    const empty = await wholeDump(REAL_FILES, { from: { file: '', position: 4 } })
    const named = await wholeDump(REAL_FILES, {
      from: { file: 'binlog.000002\0rest', position: 4 },
    })
    expect(empty.events.length).toBeGreaterThan(100)
    expect(named.events).toEqual(empty.events)
  })

  it('names the sets when the replica lacks purged transactions', async () => {
    expect(await errorOf({ held: GtidSet.parse(`${SOURCE}:2`) })).toMatch(
      new RegExp(
        "^1236 Cannot replicate because the source purged required binary logs\\. .* the source's " +
          'binary log expiration period\\. The GTID set sent by the replica is ' +
          `'${SOURCE}:2', and the missing transactions are '${SOURCE}:1'$`,
      ),
    )
  })

  it('says only that the sets are too long when the message would be', async () => {
    const held = GtidSet.parse(
      `${SOURCE}:2:${Array.from({ length: 60 }, (_, index) => 2 * index + 4).join(':')}`,
    )
    expect(await errorOf({ held })).toMatch(
      /missing purged transactions are too long to print in this/,
    )
  })

  it('refuses a client that reads no checksums when the file has them', async () => {
    const message = await errorOf({ from: { file: '', position: 4 }, checksum: undefined })
    expect(message).toMatch(
      /^1236 Replica can not handle replication events with the checksum that/,
    )
  })

  it('waits with heartbeats for a position that the source has and Kingbus not yet', async () => {
    const { dump, binlogs, clock } = dumpsOver(REAL_FILES)
    binlogs.show('binlog.000003', 198)
    const from = { file: 'binlog.000003', position: 1944 }
    const { sink, end } = dump({ from, heartbeatPeriodMs: 1000 })
    await until(() => clock.timers === 1)
    clock.pass(1000)
    await sink.has(3)
    binlogs.show('binlog.000004', 362)
    await sink.has(6)
    sink.end('KILL')
    expect((await end).kind).toBe('closed')
  })

  it('answers position > file size when the file ends before the position waited for', async () => {
    const { dump, binlogs, clock } = dumpsOver(REAL_FILES)
    binlogs.show('binlog.000003', 198)
    const { end } = dump({
      from: { file: 'binlog.000003', position: 9999 },
      heartbeatPeriodMs: 1000,
    })
    await until(() => clock.timers === 1)
    binlogs.show('binlog.000004', 198)
    expect((await end).error?.message).toMatch(/position > file size$/)
  })

  it('tells the replica to come back when the files around its start are damaged', async () => {
    const { binlogs, dump } = dumpsOver(REAL_FILES)
    binlogs.previousGtids = () =>
      Promise.reject(new OperationalError('E_STORE_DAMAGED', 'binlog.000002 at 4'))
    const { end } = dump({ held: GtidSet.parse(`${SOURCE}:1-2`) })
    expect((await end).error?.code).toBe(1105)
  })
})
