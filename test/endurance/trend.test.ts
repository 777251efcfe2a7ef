import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { judge, type Point, trendOf } from './trend.ts'

const MiB = 2 ** 20
const tolerance = { absolute: 16 * MiB, relative: 0 }

/** Memory of a process that runs for so long, a point a minute: a base, and what `more` says. */
function memory(minutes: number, more: (minute: number) => number): Point[] {
  return Array.from({ length: minutes }, (_, minute) => ({
    minute,
    value: 150 * MiB + more(minute) * MiB,
  }))
}

const seeds = Array.from({ length: 50 }, (_, seed) => seed)

/** Collections: up by some MiB a minute until one is due at 15 to 35 MiB, then down to the base. */
function sawtooth(seed: number): (minute: number) => number {
  const random = new SeededRandom(seed)
  let height = 0
  return () => {
    height = height > random.between(15, 35) ? 0 : height + random.between(2, 12)
    return height
  }
}

describe('a series grows', () => {
  test.each(seeds)('with a leak of 1 MiB a minute under the noise of collections (%i)', (seed) => {
    const noise = sawtooth(seed)
    const series = memory(38, (minute) => minute + noise(minute))
    expect(judge(trendOf(series), tolerance)).toBe('grows')
  })

  test('with a leak of one file descriptor in two minutes', () => {
    const random = new SeededRandom(7)
    const series = memory(38, () => 0).map(({ minute }) => ({
      minute,
      value: 40 + Math.floor(minute / 2) + random.between(-2, 2),
    }))
    expect(judge(trendOf(series), { absolute: 6, relative: 0 })).toBe('grows')
  })

  test('when latency doubles little by little', () => {
    const series = memory(38, () => 0).map(({ minute }) => ({ minute, value: 4 + minute / 9 }))
    expect(judge(trendOf(series), { absolute: 1, relative: 0.25 })).toBe('grows')
  })
})

describe('a series is flat', () => {
  test.each(seeds)('under the noise of collections alone (%i)', (seed) => {
    expect(judge(trendOf(memory(38, sawtooth(seed))), tolerance)).toBe('flat')
  })

  test('with single spikes, however high', () => {
    const series = memory(38, (minute) => (minute % 9 === 8 ? 400 : 0))
    expect(judge(trendOf(series), tolerance)).toBe('flat')
  })

  test('when it falls', () => {
    expect(judge(trendOf(memory(38, (minute) => -minute)), tolerance)).toBe('flat')
  })
})

test('a short series is neither: what cannot be told is not called flat', () => {
  expect(judge(trendOf(memory(11, () => 0)), tolerance)).toBe('short')
  expect(judge(trendOf(memory(0, () => 0)), tolerance)).toBe('short')
})

test('a series with a point that was not measured is not called flat', () => {
  const series = memory(38, (minute) => (minute === 20 ? Number.NaN : 0))
  expect(judge(trendOf(series), tolerance)).toBe('missing')
})
