/*
  The lineage of a log: for each epoch that has records in it, the last sequence of that epoch. Equal
  (epoch, sequence) means equal logs up to there, so two lineages tell what two logs share (rule 5).
*/

import type { Tail } from './record-header.ts'

export interface Point {
  readonly epoch: number
  readonly sequence: number
}

/** in the order of the epochs */
export type Lineage = readonly Point[]

/** Behind which point a log begins: everything up to it has been purged. */
export interface Base extends Point {
  /** the running digest there */
  readonly digest: string
  /** how the file ends there; outside a transaction */
  readonly tail: Tail
}

const NOTHING: Point = { epoch: 0, sequence: 0 }

/** The last point that both logs have; the beginning of everything when there is none. */
export function sharedPoint(one: Lineage, other: Lineage): Point {
  for (const mine of one.toReversed()) {
    const theirs = other.find(({ epoch }) => epoch === mine.epoch)
    if (theirs === undefined) continue
    return { epoch: mine.epoch, sequence: Math.min(mine.sequence, theirs.sequence) }
  }
  return NOTHING
}

/** The lineage with one more record. */
export function extended(lineage: Lineage, { epoch, sequence }: Point): Lineage {
  const before = lineage.at(-1)?.epoch === epoch ? lineage.slice(0, -1) : lineage
  return [...before, { epoch, sequence }]
}

/** The lineage of a log that now ends at `sequence`. */
export function shortened(lineage: Lineage, sequence: number): Lineage {
  const kept = lineage.filter((point) => point.sequence <= sequence)
  const divided = lineage[kept.length]
  const reached = kept.at(-1)?.sequence ?? 0
  if (divided === undefined || reached === sequence) return kept
  return [...kept, { epoch: divided.epoch, sequence }]
}
