/*
  Sizes and durations as people write them: `512MiB`, `1.5 GiB`, `30s`, `7d`.
*/
import { z } from 'zod'

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Undefined when the text is not a number with one of the units, or not a whole result below 2^53. */
function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim())
  const factor = units[match?.[2]?.toLowerCase() ?? 'none']
  if (match === null || factor === undefined) return undefined
  const value = Math.round(Number(match[1]) * factor)
  return Number.isSafeInteger(value) ? value : undefined
}

function quantity(units: Readonly<Record<string, number>>, expectation: string) {
  return z.string().transform((text, context): number => {
    const value = scaled(text, units)
    if (value !== undefined && value > 0) return value
    context.addIssue(`${JSON.stringify(text)} is not ${expectation}`)
    return z.NEVER
  })
}

/** Text to bytes. */
export const sizeSchema = quantity(SIZE_UNITS, 'a size above 0 such as 512MiB or 20GiB')

/** Text to bytes a second; undefined for `off`. */
export const rateSchema = z.string().transform((text, context): number | undefined => {
  if (text.trim() === 'off') return undefined
  const value = sizeSchema.safeParse(text)
  if (value.success) return value.data
  context.addIssue(`${JSON.stringify(text)} is neither a size above 0 such as 4MiB nor off`)
  return z.NEVER
})

/** Milliseconds; undefined for what is no duration. */
export function durationFrom(text: string): number | undefined {
  return scaled(text, DURATION_UNITS)
}

/** Text to milliseconds. */
export const durationSchema = quantity(DURATION_UNITS, 'a duration above 0 such as 30s, 12h or 7d')

/** Text to milliseconds; a bare number is milliseconds too. */
export const millisecondsSchema = quantity(
  { ...DURATION_UNITS, '': 1 },
  'milliseconds above 0 such as 100 or 50ms',
)

/** Text to milliseconds that are whole seconds. */
export const wholeSecondsSchema = durationSchema.refine((ms) => ms % 1000 === 0, {
  error: 'must be whole seconds, at least 1s',
})
