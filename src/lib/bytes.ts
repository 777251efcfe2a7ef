import { ProtocolError } from './errors.ts'

/** A 64-bit field as a number, refused where a double would lose digits (above 2^53 - 1). */
export function toSafeNumber(value: bigint, what: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ProtocolError(`${what} ${value} is beyond the largest exact number`)
  }
  return Number(value)
}

const UNITS: ReadonlyArray<readonly [string, number]> = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
]

/** A size for people: `1.5 GiB`, `512 B`. */
export function formatBytes(size: number): string {
  for (const [unit, factor] of UNITS) {
    if (size >= factor) return `${(size / factor).toFixed(1)} ${unit}`
  }
  return `${size} B`
}
