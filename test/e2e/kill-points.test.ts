import { afterAll, expect, test } from 'vitest'
import { runKills } from '../crashes/kill-points/kill-run.ts'
import { describePoint, KILL_POINTS } from '../crashes/kill-points/points.ts'
import { endEverything } from './harness/child.ts'

afterAll(endEverything)

// One of each kind; `npm run soak -- kill-points` has them all.
const SELECTION = [
  "half 'write binlog: bytes'",
  "after 'sync binlog: bytes'",
  "half 'write and sync binlog: bytes'",
  "half 'write index: bytes'",
  "after 'create index'",
  "before 'write binlog: magic'",
  "half 'write index: closed'",
  "after 'sync index: cut'",
  "after 'truncate binlog'",
  "after 'sync index: purge'",
  "after 'remove binlog'",
  "half 'write binlog: bytes again', behind a death after 'write and sync binlog: bytes'",
]

test('a node that is killed at any change of its disk has lost nothing that was acknowledged or served', async () => {
  const all = Object.values(KILL_POINTS).flat()
  const points = all.filter((point) => SELECTION.includes(describePoint(point)))
  expect(points).toHaveLength(SELECTION.length)
  const lines: string[] = []
  const plan = { seed: 7, points, say: (line: string) => lines.push(line) }
  const { committed, ...found } = await runKills(plan)
  const nothing = { losses: [], unreached: [], unlisted: [] }
  expect(found, lines.join('\n')).toEqual({ kills: SELECTION.length + 1, ...nothing })
  expect(committed).toBeGreaterThan(50)
})
