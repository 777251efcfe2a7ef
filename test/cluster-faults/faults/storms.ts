/*
  Several faults at once, the next before the last is healed, healed in any order.
*/
import { pause } from '../../e2e/harness/wait.ts'
import type { Fault, Scene } from '../fault.ts'
import { networkFaults } from './partitions.ts'
import { processFaults } from './processes.ts'

const LASTS_MS = 4000
const GAP_MS = 2500

const parts = [...processFaults, ...networkFaults].filter(
  ({ name }) => !name.startsWith('etcd gone'),
)

export const storms: readonly Fault[] = [storm(2), storm(3), storm(5)]

function storm(count: number): Fault {
  return {
    name: `${count} faults at once`,
    ingest: 'may stop',
    holdMs: LASTS_MS,
    inflict: async (scene) => {
      const { random, say } = scene
      const heals: (() => Promise<void>)[] = []
      for (let number = 0; number < count; number += 1) {
        const part = random.pick(parts)
        const roles = await rolesNow(scene)
        say(`... ${part.name} (leader ${roles.leader.name}, follower ${roles.follower.name})`)
        heals.push(await part.inflict({ ...scene, ...roles }))
        await pause(random.between(0, GAP_MS))
      }
      return async () => {
        while (heals.length > 0) {
          const [heal] = heals.splice(random.between(0, heals.length - 1), 1)
          await heal?.()
          await pause(random.between(0, GAP_MS))
        }
      }
    },
  }
}

type Cast = Pick<Scene, 'leader' | 'follower' | 'other'>

/** Who leads by what the nodes say that answer; anybody where none does. */
async function rolesNow({ world, random }: Scene): Promise<Cast> {
  const { nodes } = world
  const running = nodes.filter(({ kingbus }) => kingbus.isRunning)
  const views = await Promise.all(running.map((node) => node.view().catch(() => undefined)))
  const newest = views.toSorted((one, other) => (other?.epoch ?? 0) - (one?.epoch ?? 0))[0]
  const guess = random.pick(nodes)
  const leader = nodes.find(({ name }) => name === newest?.leader) ?? guess
  const [one, two] = nodes.filter((node) => node !== leader)
  const isSwapped = random.chance(0.5)
  const follower = (isSwapped ? two : one) ?? leader
  return { leader, follower, other: (isSwapped ? one : two) ?? leader }
}
