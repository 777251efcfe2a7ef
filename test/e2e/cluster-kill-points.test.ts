import { afterAll, expect, test } from 'vitest'
import { runClusterKills } from '../crashes/kill-points/cluster/cluster-kill-run.ts'
import {
  CLUSTER_KILL_POINTS,
  describeClusterPoint,
} from '../crashes/kill-points/cluster/cluster-points.ts'
import { endEverything } from './harness/child.ts'

afterAll(endEverything)

// `npm run soak -- kill-points --whose three-nodes` has them all.
const SELECTION = [
  "in sync: half 'write binlog: bytes'",
  "in sync: after 'write index: bytes'",
  "in sync: half 'sync index: bytes'",
  "with records of its own: after 'truncate index'",
]

test('a node of a cluster that is killed at a change of its log has on its own disk what it reported', async () => {
  const points = CLUSTER_KILL_POINTS.filter((point) =>
    SELECTION.includes(describeClusterPoint(point)),
  )
  expect(points).toHaveLength(SELECTION.length)
  const lines: string[] = []
  const plan = { seed: 5, points, say: (line: string) => lines.push(line) }
  const { committed, ...found } = await runClusterKills(plan)
  const nothing = { losses: [], unreached: [], unlisted: [] }
  expect(found, lines.join('\n')).toEqual({ kills: SELECTION.length, ...nothing })
  expect(committed).toBeGreaterThan(50)
})
