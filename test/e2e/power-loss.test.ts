import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { systemCodeOf } from '../../src/lib/index.ts'
import { systemDisk } from '../../src/platform/index.ts'
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
    test(`nothing is missing on a ${fileSystem} disk that does not answer`, async () => {
      const disk = new OwnDisk(fileSystem, fileSystem)
      const path = join(disk.folder, 'cluster.json')
      await systemDisk.replaceFile(path, Buffer.from('{}'))
      // Mounted anew, so that nobody remembers it.
      disk.restorePower()
      disk.cutPower()
      // ext4 may still find names.
      expect([true, 'EIO']).toContain(await systemDisk.exists(path).catch(systemCodeOf))
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
