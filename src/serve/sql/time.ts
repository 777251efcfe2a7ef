import type { Value } from './value.ts'

/*
  Times as texts: `YYYY-MM-DD HH:MM:SS` for a moment, `[-]HH:MM:SS` for a time of the day or a duration. Our time
  zone is UTC, whatever a session sets.
*/

const MOMENT = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.\d+)?$/
const DURATION = /^(-?)(\d{1,3}):(\d{2}):(\d{2})(?:\.\d+)?$/

/**
 * @param ms since 1970
 * @param digits of the fraction of the second, at most 6
 */
export function dateTime(ms: number, digits = 0): string {
  const [whole = '', fraction = ''] = new Date(ms).toISOString().slice(0, -1).split('.')
  const shown = digits === 0 ? '' : `.${fraction.padEnd(digits, '0').slice(0, digits)}`
  return whole.replace('T', ' ') + shown
}

/** Milliseconds since 1970 of a moment in UTC; undefined for what is none. */
export function millisecondsOf(moment: string): number | undefined {
  const found = MOMENT.exec(moment.trim())
  const ms = found === null ? Number.NaN : Date.parse(`${found[1]}T${found[2]}Z`)
  return Number.isNaN(ms) ? undefined : ms
}

/** TIMEDIFF: NULL unless both are moments, or both durations. */
export function timeDifference(one: string, other: string): Value {
  const [oneMs, otherMs] = [millisecondsOf(one), millisecondsOf(other)]
  if (oneMs !== undefined && otherMs !== undefined) return duration((oneMs - otherMs) / 1000)
  if (oneMs !== undefined || otherMs !== undefined) return null
  const [first, second] = [secondsOfTime(one), secondsOfTime(other)]
  if (typeof first !== 'bigint' || typeof second !== 'bigint') return null
  return duration(Number(first - second))
}

/** TIME_TO_SEC, of a duration or of the time of a moment; NULL for what is neither. */
export function secondsOfTime(text: string): Value {
  const found = DURATION.exec((MOMENT.exec(text.trim())?.[2] ?? text).trim())
  if (found === null) return null
  const [, sign, hours, minutes, seconds] = found
  const whole = BigInt(hours ?? 0) * 3600n + BigInt(minutes ?? 0) * 60n + BigInt(seconds ?? 0)
  return sign === '-' ? -whole : whole
}

function duration(seconds: number): string {
  const whole = Math.abs(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, Math.floor(whole) % 60]
  const text = parts.map((part) => String(part).padStart(2, '0')).join(':')
  return seconds < 0 ? `-${text}` : text
}
