/* The servers that may stand at the source's address after it. */
import { type GtidSet } from '../../../src/mysql/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { SourceHistory } from '../source/history.ts'

export const SUCCESSORS = [
  /** another server_uuid, the same files */
  'a copy of its data directory',
  /** its transactions in files of its own, with a few of its own behind them */
  'a replica that has everything',
  /** the last transactions have not come to it */
  'a replica that lacks the tail',
  /** and it has gone on without them */
  'a diverged replica',
  /** its own server_uuid, and its transactions in other files */
  'itself with files made anew',
  /** and nothing of what it has is in them; under another name, or what is held could not be told from other bytes */
  'itself with its files removed',
] as const
export type Successor = (typeof SUCCESSORS)[number]

/** It has ended, and begun a new file that nobody has seen. */
export function succeed(
  before: SourceHistory,
  kind: Successor,
  random: SeededRandom,
  nowSeconds: () => number,
): SourceHistory {
  if (kind === 'a copy of its data directory') return before.copy(random.fork())
  const isEmptied = kind === 'itself with its files removed'
  const stem = isEmptied ? `anew${before.files.length}` : random.pick(['binlog', 'mysql-bin'])
  const names = { stem, firstNumber: random.pick([1, 1, 2, before.files.length, 40]) }
  const keepsUuid = kind.startsWith('itself')
  const uuid = keepsUuid ? before.uuid : undefined
  const next = new SourceHistory(random.fork(), nowSeconds, { ...names, uuid })
  const all = [...before.transactions()]
  const isShort = kind === 'a replica that lacks the tail' || kind === 'a diverged replica'
  const kept = isShort ? all.slice(0, -random.between(1, 5)) : all
  for (const transaction of kept) {
    if (keepsUuid) next.restore(transaction)
    else next.replicate(transaction)
    if (random.chance(0.05)) next.rotate()
  }
  if (keepsUuid) next.goOnBehind(before)
  if (isEmptied) next.removeFiles()
  const isWritten = kind === 'a diverged replica' || (!isEmptied && random.chance(0.3))
  if (isWritten) for (let left = random.between(1, 4); left > 0; left -= 1) next.commit()
  return next
}

/** What it lacks comes to it from a server that has it, as to a replica. */
export function fetch(into: SourceHistory, from: SourceHistory, lacking: GtidSet): void {
  for (const transaction of from.transactions()) {
    if (lacking.has(transaction.gtid)) into.replicate(transaction)
  }
}
