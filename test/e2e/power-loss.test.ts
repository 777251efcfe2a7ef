import { afterEach, expect, test } from 'vitest'
import { runOneNode } from '../crashes/power-loss/one-node-run.ts'
import { runThreeNodes } from '../crashes/power-loss/three-nodes-run.ts'
import { endEverything } from './harness/child.ts'
import { OwnDisk } from './harness/disks/own-disk.ts'

afterEach(endEverything)

// `npm run soak -- power-loss` goes on for as long as you like.
const CUTS = 3

for (const fileSystem of ['ext4', 'xfs'] as const) {
  const obstacle = OwnDisk.powerObstacle(fileSystem)
  if (obstacle === undefined) {
    test(`a node whose ${fileSystem} disk loses power has lost nothing that was promised`, async () => {
      const lines: string[] = []
      const plan = { seed: 71, fileSystem, cuts: CUTS, say: (line: string) => lines.push(line) }
      const { committed, ...found } = await runOneNode(plan)
      expect(found, lines.join('\n')).toEqual({ cuts: CUTS, losses: [] })
      expect(committed).toBeGreaterThan(50)
    })
    test(`a cluster whose ${fileSystem} disks all lose power has lost nothing that was promised`, async () => {
      const lines: string[] = []
      const plan = { seed: 72, fileSystem, cuts: 1, say: (line: string) => lines.push(line) }
      const { committed, ...found } = await runThreeNodes(plan)
      expect(found, lines.join('\n')).toEqual({ cuts: 1, losses: [] })
      expect(committed).toBeGreaterThan(5)
    })
  } else {
    test.skip(`${obstacle}: a loss of power on ${fileSystem}`)
    console.warn(`${obstacle}: the loss of power on ${fileSystem} is left out`)
  }
}
