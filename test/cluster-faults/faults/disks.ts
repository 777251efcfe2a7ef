/*
  Disks that are full, slow, read-only, or do nothing for a while.
*/

import type { OwnDisk } from '../../e2e/harness/disks/own-disk.ts'
import type { Fault, Scene } from '../fault.ts'
import type { FaultNode } from '../world/fault-node.ts'

const LASTS_MS = 10_000
const SLOW_MS = 15_000

type Victim = (scene: Scene) => FaultNode

const leader: Victim = (scene) => scene.leader
const follower: Victim = (scene) => scene.follower

export const diskFaults: readonly Fault[] = [
  diskFault('full disk of the leader', leader, LASTS_MS, full),
  diskFault('full disk of a follower', follower, LASTS_MS, full),
  diskFault('read-only disk of the leader', leader, LASTS_MS, readOnly),
  diskFault('read-only disk of a follower', follower, LASTS_MS, readOnly),
  diskFault('slow disk of the leader', leader, SLOW_MS, slow),
  diskFault('slow disk of a follower', follower, SLOW_MS, slow),
  diskFault('the disk of the leader does nothing', leader, LASTS_MS, frozen),
  diskFault('the disk of a follower does nothing', follower, LASTS_MS, frozen),
]

function diskFault(
  name: string,
  victim: Victim,
  holdMs: number,
  spoil: (disk: OwnDisk) => Promise<() => Promise<void>>,
): Fault {
  return {
    name,
    ingest: 'goes on',
    holdMs,
    needsOwnDisks: true,
    inflict: async (scene) => {
      const { disk } = victim(scene)
      if (disk === undefined) throw new Error('the node has no disk of its own')
      return await spoil(disk)
    },
  }
}

async function full(disk: OwnDisk): Promise<() => Promise<void>> {
  await disk.fill()
  return () => disk.makeRoom()
}

async function readOnly(disk: OwnDisk): Promise<() => Promise<void>> {
  disk.beReadOnly()
  return async () => disk.beWritable()
}

async function slow(disk: OwnDisk): Promise<() => Promise<void>> {
  const over = new AbortController()
  const ended = disk.beSlow(over.signal)
  return async () => {
    over.abort()
    await ended
  }
}

async function frozen(disk: OwnDisk): Promise<() => Promise<void>> {
  await disk.freeze()
  return () => disk.thaw()
}
