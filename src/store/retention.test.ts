import { beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../platform/index.ts'
import { systemClock } from '../platform/index.ts'
import type { FileInfo } from './binlog-store.ts'
import {
  bytesOverLimits,
  planRetention,
  RetentionClock,
  type RetentionPolicy,
} from './retention.ts'

const HOUR = 3_600_000
const NOW = 1_800_000_000_000

/**
 * Five files of 100 bytes, the newest event of each an hour before that of the next; one may have a
 * reader.
 */
function files(read?: number): FileInfo[] {
  return [1, 2, 3, 4, 5].map((number) => ({
    name: `binlog.00000${number}`,
    size: 100,
    firstSequence: number,
    firstTimestamp: 0,
    lastTimestamp: (NOW - (6 - number) * HOUR) / 1000,
    sourceFile: `binlog.00000${number}`,
    sourceUuid: '',
    active: number === 5,
    readers: number === read ? 1 : 0,
  }))
}

const policy = (some: Partial<RetentionPolicy>): RetentionPolicy => ({
  maxSizeBytes: undefined,
  maxAgeMs: undefined,
  ceilingBytes: undefined,
  roomBytes: undefined,
  neededFrom: undefined,
  readFrom: undefined,
  ...some,
})

describe('retention', () => {
  it('lets nothing go without a limit', () => {
    expect(planRetention(files(), policy({}), NOW)).toBeUndefined()
  })

  it('lets the oldest files go until the rest fits, but never the newest', () => {
    const plan = planRetention(files(), policy({ maxSizeBytes: 250 }), NOW)
    expect(plan).toEqual({ upTo: 'binlog.000004', reason: 'size' })
    const most = planRetention(files(), policy({ maxSizeBytes: 0 }), NOW)
    expect(most).toEqual({ upTo: 'binlog.000005', reason: 'size' })
  })

  it('lets one file go by age at a time, whatever the clock says', () => {
    const plan = planRetention(files(), policy({ maxAgeMs: HOUR }), NOW + 1e12)
    expect(plan).toEqual({ upTo: 'binlog.000002', reason: 'age' })
    expect(planRetention(files(), policy({ maxAgeMs: 10 * HOUR }), NOW)).toBeUndefined()
  })

  it('keeps what is read, and all after it', () => {
    const plan = planRetention(files(2), policy({ maxSizeBytes: 0, ceilingBytes: 0 }), NOW)
    expect(plan?.upTo).toBe('binlog.000002')
    expect(planRetention(files(1), policy({ ceilingBytes: 0 }), NOW)).toBeUndefined()
  })

  it('keeps what somebody reads at another node, and all after it', () => {
    const readFrom = 'binlog.000003'
    const plan = planRetention(files(), policy({ ceilingBytes: 0, readFrom }), NOW)
    expect(plan).toEqual({ upTo: readFrom, reason: 'ceiling' })
  })

  it('keeps what an absent replica needs, until the ceiling', () => {
    const neededFrom = 'binlog.000002'
    const kept = policy({ maxSizeBytes: 0, neededFrom })
    const plan = planRetention(files(), kept, NOW)
    expect(plan).toEqual({ upTo: 'binlog.000002', reason: 'size' })
    expect(bytesOverLimits(files(), kept, NOW)).toBe(300)
    const over = policy({ maxSizeBytes: 0, neededFrom, ceilingBytes: 300 })
    expect(planRetention(files(), over, NOW)).toEqual({ upTo: 'binlog.000003', reason: 'ceiling' })
  })

  it('keeps for an absent replica what the disk has room for, and gives up nothing else for room', () => {
    const neededFrom = 'binlog.000001'
    const full = { neededFrom, roomBytes: 150 }
    const plan = planRetention(files(), policy({ maxSizeBytes: 350, ...full }), NOW)
    expect(plan).toEqual({ upTo: 'binlog.000003', reason: 'disk' })
    const old = planRetention(files(), policy({ maxAgeMs: 4.5 * HOUR, ...full }), NOW)
    expect(old).toEqual({ upTo: 'binlog.000002', reason: 'disk' })
    expect(planRetention(files(), policy(full), NOW)).toBeUndefined()
    const roomy = policy({ maxSizeBytes: 350, neededFrom, roomBytes: 500 })
    expect(planRetention(files(), roomy, NOW)).toBeUndefined()
  })
})

describe('the clock of retention', () => {
  let wall = NOW
  let passed = 0
  const clock: Clock = { ...systemClock, nowMs: () => wall, monotonicMs: () => passed }

  beforeEach(() => {
    wall = NOW
    passed = 0
  })

  it('never runs ahead of the time that has passed', () => {
    const retention = new RetentionClock(clock)
    passed = 10
    wall = NOW + 1e12
    expect(retention.nowMs(NOW + 20)).toBe(NOW + 10)
    wall = NOW - 5
    expect(retention.nowMs(NOW + 20)).toBe(NOW - 5)
  })

  it('believes a clock that is ahead, and events with it, after a day', () => {
    const retention = new RetentionClock(clock)
    const ahead = NOW + 1000 * HOUR
    const after = (hours: number): number => {
      passed = hours * HOUR
      wall = ahead + passed
      return retention.nowMs(ahead + passed)
    }
    expect(after(1)).toBe(NOW + HOUR)
    expect(after(24)).toBe(NOW + 24 * HOUR)
    expect(after(25)).toBe(ahead + 25 * HOUR)
    expect(after(26)).toBe(ahead + 26 * HOUR)
  })

  it('is not ahead of the newest event by more than was seen to pass since', () => {
    wall = NOW + 1e12
    const retention = new RetentionClock(clock)
    expect(retention.nowMs(NOW)).toBe(NOW)
    passed = 70
    expect(retention.nowMs(NOW)).toBe(NOW + 70)
    expect(retention.nowMs(NOW + 50)).toBe(NOW + 50)
    expect(retention.nowMs(0)).toBe(0)
  })
})
