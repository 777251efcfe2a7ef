import { expect, test } from 'vitest'
import { Histogram } from './histogram.ts'

test('a value counts at the first bound that it does not pass, and above the last in the count alone', () => {
  const histogram = new Histogram([1, 10])
  for (const value of [0.5, 1, 2, 11]) histogram.observe(value)
  expect(histogram.cumulative()).toEqual([2, 3])
  expect(histogram.count).toBe(4)
  expect(histogram.sum).toBe(14.5)
})

test('a quantile is a bound, none before the first value and Infinity above the last bound', () => {
  const histogram = new Histogram([1, 10])
  expect(histogram.quantile(0.5)).toBeUndefined()
  for (const value of [1, 1, 10, 20]) histogram.observe(value)
  expect(histogram.quantile(0.5)).toBe(1)
  expect(histogram.quantile(0.75)).toBe(10)
  expect(histogram.quantile(1)).toBe(Number.POSITIVE_INFINITY)
})
