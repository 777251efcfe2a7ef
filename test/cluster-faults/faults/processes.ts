/*
  Processes that die or hang.
*/
import { all, type Fault, type Scene } from '../fault.ts'
import type { FaultNode } from '../world/fault-node.ts'

type Part = 'kingbus' | 'etcd' | 'both'
type Victims = (scene: Scene) => readonly FaultNode[]

const leader: Victims = (scene) => [scene.leader]
const follower: Victims = (scene) => [scene.follower]
const followers: Victims = (scene) => [scene.follower, scene.other]
const leaderAndFollower: Victims = (scene) => [scene.leader, scene.follower]
const everybody: Victims = ({ world }) => world.nodes

const HANG_MS = 10_000
const ETCD_AWAY_MS = 60_000

export const processFaults: readonly Fault[] = [
  kill('kingbus of the leader', 'kingbus', leader),
  kill('kingbus of a follower', 'kingbus', follower),
  kill('etcd of the leader', 'etcd', leader),
  kill('etcd of a follower', 'etcd', follower),
  kill('kingbus and etcd of the leader', 'both', leader),
  kill('kingbus and etcd of a follower', 'both', follower),
  kill('the leader and a follower', 'both', leaderAndFollower),
  kill('both followers', 'both', followers),
  kill('everybody', 'both', everybody),
  pauseFault('kingbus of the leader', 'kingbus', leader),
  pauseFault('kingbus of a follower', 'kingbus', follower),
  pauseFault('etcd of the leader', 'etcd', leader),
  pauseFault('etcd of a follower', 'etcd', follower),
  pauseFault('kingbus and etcd of the leader', 'both', leader),
  pauseFault('kingbus and etcd of a follower', 'both', follower),
  pauseFault('the leader and a follower', 'both', leaderAndFollower),
  {
    ...pauseFault('etcd of everybody', 'etcd', everybody, 'etcd gone for a minute'),
    ingest: 'goes on',
    holdMs: ETCD_AWAY_MS,
  },
]

function kill(whom: string, part: Part, victims: Victims): Fault {
  const isDown = (scene: Scene): readonly FaultNode[] => (part === 'etcd' ? [] : victims(scene))
  return {
    name: `kill -9 ${whom}`,
    ingest: isMajorityLost(whom) ? 'may stop' : 'goes on',
    healthy: (scene) => rest(scene, isDown(scene)),
    inflict: async (scene) => {
      const nodes = victims(scene)
      const ended = nodes.map((node) => {
        // Kingbus first, which would start its etcd again.
        const gone = part === 'etcd' ? undefined : node.kingbus.kill9()
        if (part !== 'kingbus') node.signalEtcd('SIGKILL')
        return gone
      })
      await Promise.all(ended)
      return async () => {
        if (part !== 'etcd') await Promise.all(nodes.map(start))
      }
    },
  }
}

/** Another fault may have started it meanwhile. */
async function start({ kingbus }: FaultNode): Promise<void> {
  if (!kingbus.isRunning) await kingbus.launch()
}

function pauseFault(whom: string, part: Part, victims: Victims, name = `SIGSTOP ${whom}`): Fault {
  const hangs = (scene: Scene): readonly FaultNode[] => (part === 'etcd' ? [] : victims(scene))
  return {
    name,
    ingest: isMajorityLost(whom) ? 'may stop' : 'goes on',
    holdMs: HANG_MS,
    healthy: (scene) => rest(scene, hangs(scene)),
    inflict: async (scene) => {
      const nodes = victims(scene)
      for (const node of nodes) {
        if (part !== 'etcd') node.kingbus.freeze()
        if (part !== 'kingbus') node.signalEtcd('SIGSTOP')
      }
      return all(() => {
        for (const node of nodes) {
          if (part !== 'kingbus') node.signalEtcd('SIGCONT')
          if (part !== 'etcd') node.kingbus.thaw()
        }
      })
    },
  }
}

function isMajorityLost(whom: string): boolean {
  return /leader and a follower|both followers|everybody/.test(whom)
}

function rest({ world }: Scene, without: readonly FaultNode[]): FaultNode[] {
  return world.nodes.filter((node) => !without.includes(node))
}
