import { SqlError } from './sql-error.ts'

/** What an expression is worth. Whole numbers are bigint, so that 64 bits stay exact. */
export type Value = string | bigint | number | null

export function textOf(value: Value): string | null {
  return value === null ? null : String(value)
}

/** A longer number is not kept exact: no 64 bits are, and the time that it takes grows with its square. */
const EXACT_CHARACTERS_MOST = 32

/** As MySQL does it: the number that a text begins with, else 0. */
export function numberOf(value: Value): bigint | number {
  if (value === null) return 0n
  if (typeof value !== 'string') return value
  const found = /^\s*[+-]?\d+(\.\d+)?/.exec(value)
  if (found === null) return 0n
  const whole = found[1] === undefined && found[0].length <= EXACT_CHARACTERS_MOST
  return whole ? BigInt(found[0].trim()) : Number(found[0])
}

/** Three-valued: null is unknown. */
export function truthOf(value: Value): boolean | null {
  return value === null ? null : Number(numberOf(value)) !== 0
}

export function ofTruth(truth: boolean | null): Value {
  if (truth === null) return null
  return truth ? 1n : 0n
}

/** Less than 0, 0 or more than 0; null when either is NULL. Texts compare without regard to case. */
export function compare(left: Value, right: Value): number | null {
  if (left === null || right === null) return null
  if (typeof left === 'string' && typeof right === 'string') {
    const [one, other] = [left.toLowerCase(), right.toLowerCase()]
    if (one === other) return 0
    return one < other ? -1 : 1
  }
  const [one, other] = [numberOf(left), numberOf(right)]
  // A bigint and a number may be equal and must not be compared by identity.
  if (one < other) return -1
  return one > other ? 1 : 0
}

/** Characters of a text times those of a pattern that LIKE takes; more would hold up everybody else. */
const LIKE_STEPS_MOST = 1_000_000
/** A pattern is read anew for each row that it is held against. */
const LIKE_PATTERN_MOST = 4096

/** LIKE: % any characters, _ one, backslash takes the next one as it is; without regard to case. */
export function isLike(text: string, pattern: string): boolean {
  if (pattern.length > LIKE_PATTERN_MOST || text.length * pattern.length > LIKE_STEPS_MOST) {
    throw new SqlError(1235, '42000', 'LIKE with a text and a pattern this long is not supported')
  }
  const source = pattern.replace(/\\([\s\S])|[%_]|[\s\S]/g, (found, escaped?: string) => {
    if (escaped !== undefined) return quote(escaped)
    if (found === '%') return '*'
    return found === '_' ? '?' : quote(found)
  })
  return matchesGlob(text.toLowerCase(), source.toLowerCase())
}

/** A plain character behind a mark, so that `*` and `?` stay free for what matches others. */
const quote = (character: string): string => `=${character}`

/** Goes back only to the last `*`: at most text times pattern steps, whatever the client sends. */
function matchesGlob(text: string, pattern: string): boolean {
  const parts = pattern.match(/=[\s\S]|[*?]/g) ?? []
  let [at, part] = [0, 0]
  let [starAt, starPart] = [0, -1]
  while (at < text.length) {
    const now = parts[part]
    if (now === '?' || (now !== undefined && now === `=${text.charAt(at)}`)) {
      at += 1
      part += 1
    } else if (now === '*') {
      starAt = at
      starPart = part
      part += 1
    } else if (starPart >= 0) {
      starAt += 1
      at = starAt
      part = starPart + 1
    } else return false
  }
  return parts.slice(part).every((left) => left === '*')
}
