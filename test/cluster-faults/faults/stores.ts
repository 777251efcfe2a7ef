/*
  Data directories that are lost, put back from an old copy, or copied to another node; nodes that are restarted.
*/
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeRunFolder } from '../../e2e/harness/project.ts'
import { pause } from '../../e2e/harness/wait.ts'
import type { Fault, Scene } from '../fault.ts'
import type { FaultNode } from '../world/fault-node.ts'

/** Of etcd, which is a store of its own: it is neither copied nor put back. */
const ETCD_FOLDERS = new Set(['etcd', 'etcd-member'])
const OLDER_MS = 3000

export const storeFaults: readonly Fault[] = [
  wiped('a follower', (scene) => scene.follower),
  wiped('the leader', (scene) => scene.leader),
  {
    name: 'an old copy of a data directory put back',
    ingest: 'goes on',
    healthy: ({ leader, other }) => [leader, other],
    inflict: async ({ follower }) => {
      await follower.kingbus.stop()
      const copy = makeRunFolder('old-copy')
      copyStore(follower, copy)
      await follower.kingbus.launch()
      await pause(OLDER_MS)
      await follower.kingbus.stop()
      emptyStore(follower)
      cpSync(copy, follower.kingbus.dataFolder, { recursive: true })
      rmSync(copy, { recursive: true })
      return () => follower.kingbus.launch()
    },
  },
  {
    name: 'a data directory cloned',
    ingest: 'may stop',
    inflict: async ({ follower, other }) => {
      await Promise.all([follower.kingbus.stop(), other.kingbus.stop()])
      emptyStore(other)
      copyStore(follower, other.kingbus.dataFolder)
      return async () => {
        await Promise.all([follower.kingbus.launch(), other.kingbus.launch()])
      }
    },
  },
  {
    name: 'rolling restart of all',
    ingest: 'goes on',
    inflict: async ({ world, random }) => {
      for (const { kingbus } of world.nodes) {
        await kingbus.restart()
        await world.settled(random)
      }
      return () => Promise.resolve()
    },
  },
]

function wiped(whose: string, victim: (scene: Scene) => FaultNode): Fault {
  return {
    name: `the data directory of ${whose} wiped`,
    ingest: 'goes on',
    healthy: (scene) => scene.world.nodes.filter((node) => node !== victim(scene)),
    inflict: async (scene) => {
      const node = victim(scene)
      await node.kingbus.kill9()
      node.signalEtcd('SIGKILL')
      for (const name of readdirSync(node.kingbus.dataFolder)) {
        rmSync(join(node.kingbus.dataFolder, name), { recursive: true })
      }
      return () => node.kingbus.launch()
    },
  }
}

function copyStore({ kingbus: { dataFolder } }: FaultNode, to: string): void {
  for (const name of readdirSync(dataFolder)) {
    if (!ETCD_FOLDERS.has(name)) cpSync(join(dataFolder, name), join(to, name), { recursive: true })
  }
}

function emptyStore({ kingbus: { dataFolder } }: FaultNode): void {
  for (const name of readdirSync(dataFolder)) {
    if (!ETCD_FOLDERS.has(name)) rmSync(join(dataFolder, name), { recursive: true })
  }
}
