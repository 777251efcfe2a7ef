const uuid = /^[\da-f]{8}-[\da-f-]{27}$/i

/** How many transactions a GTID set names; intervals are `5` or `1-7`, tags stand between colons. */
export function countGtids(set: string): number {
  let count = 0
  for (const part of set.split(/[,:]/)) {
    const text = part.trim()
    if (uuid.test(text) || !/^\d/.test(text)) continue
    const [first = 0, last = first] = text.split('-').map(Number)
    count += last - first + 1
  }
  return count
}
