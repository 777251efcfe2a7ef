/** How many changes of a letter, or swaps of two neighbours, lead from one word to the other. */
function distance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, index) => index)]
  const cell = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= left.length; i += 1) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= right.length; j += 1) {
      const changed = cell(i - 1, j - 1) + (left[i - 1] === right[j - 1] ? 0 : 1)
      const swapped = left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]
      const swap = swapped ? cell(i - 2, j - 2) + 1 : changed
      row.push(Math.min(changed, swap, cell(i - 1, j) + 1, cell(i, j - 1) + 1))
    }
  }
  return cell(left.length, right.length)
}

/** The known word that was probably meant; undefined when none is near. */
export function nearest<T extends string>(word: string, known: readonly T[]): T | undefined {
  const ranked = known
    .map((candidate) => ({
      candidate,
      changes: distance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((left, right) => left.changes - right.changes)
  const best = ranked[0]
  return best !== undefined && best.changes <= Math.max(2, word.length / 3)
    ? best.candidate
    : undefined
}
