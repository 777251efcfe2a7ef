import { GtidSet } from '../../src/mysql/index.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { pause, waitFor } from '../e2e/harness/wait.ts'
import { differencesOf } from './differences.ts'
import type { Fault, Scene } from './fault.ts'
import { shownBy } from './world/shown-watch.ts'
import { World } from './world/world.ts'

const GOES_ON_MS = 45_000
const SHOWN_MS = 45_000
const HOLD_MS = 3000
/** So many acknowledgements show that ingest goes on. */
const PROGRESS = 10
const SOURCE_AWAY_SHARE = 0.3

export interface FaultPlan {
  readonly seed: number
  readonly rounds: number
  readonly faults: readonly Fault[]
  readonly replicas: number
  readonly say: (line: string) => void
}

export interface FaultResult {
  readonly committed: number
  readonly differences: readonly string[]
}

/** Inflicts one fault after another under load, heals each, and compares everything after it. */
export async function runFaults(plan: FaultPlan): Promise<FaultResult> {
  const { seed, rounds, faults, replicas, say } = plan
  const random = new SeededRandom(seed)
  const order = orderOf(faults, random)
  const hasOwnDisks = faults.some(({ needsOwnDisks }) => needsOwnDisks === true)
  const world = await World.start({ seed, replicas, hasOwnDisks })
  let committed = 0
  for (let round = 0; round < rounds; round += 1) {
    const fault = order.next().value
    const began = performance.now()
    await world.startLoad()
    await suffer(world, fault, random.fork(), (line) => say(`seed ${seed} round ${round}: ${line}`))
    committed += await world.stopLoad()
    const differences = await differencesOf(world)
    if (differences.length > 0) return { committed, differences }
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    say(`seed ${seed} round ${round}: all equal after ${seconds} s, ${committed} transactions`)
  }
  world.watch.stop()
  return { committed, differences: [] }
}

/** Each fault once in an order of the seed, and then again. */
function* orderOf(faults: readonly Fault[], random: SeededRandom): Generator<Fault, never> {
  for (;;) {
    const left = [...faults]
    while (left.length > 0) {
      const [next] = left.splice(random.between(0, left.length - 1), 1)
      if (next !== undefined) yield next
    }
  }
}

async function suffer(
  world: World,
  fault: Fault,
  random: SeededRandom,
  say: (line: string) => void,
): Promise<void> {
  const { leader, followers } = await world.settled(random)
  const [follower, other] = followers
  const scene: Scene = { world, leader, follower, other, random, say }
  await progress(world, 'before the fault')
  await pause(random.between(0, 500))
  const healthy = fault.healthy?.(scene) ?? []
  const isSourceAway = healthy.length > 1 && random.chance(SOURCE_AWAY_SHARE)
  const away = isSourceAway ? ', the source away' : ''
  say(`${fault.name} (leader ${leader.name}, follower ${follower.name}${away})`)
  // Without the source nothing that was lost can be read again.
  if (isSourceAway) world.source.freeze()
  const began = performance.now()
  const heal = await fault.inflict(scene)
  const held = pause(fault.holdMs ?? HOLD_MS)
  try {
    if (isSourceAway) await allShown(scene, healthy)
  } finally {
    if (isSourceAway) world.source.thaw()
  }
  if (fault.ingest === 'goes on') {
    await progress(world, `during '${fault.name}'`)
    say(`... ingest goes on after ${((performance.now() - began) / 1000).toFixed(1)} s`)
  }
  await held
  await heal()
  await world.settled(random)
  await progress(world, `after '${fault.name}'`)
}

/** Waits until the source has told its clients of more transactions. */
async function progress(world: World, when: string): Promise<void> {
  const { count } = world.acknowledged
  const what = `commits to be acknowledged ${when}`
  await waitFor(
    { what, timeoutMs: GOES_ON_MS },
    async () => world.acknowledged.count >= count + PROGRESS,
  )
}

/** What was acknowledged is shown by every node that can work, although the source is away. */
async function allShown({ world }: Scene, healthy: Scene['world']['nodes']): Promise<void> {
  const acknowledged = GtidSet.parse(world.acknowledged.gtids)
  for (const node of healthy) {
    let lacks = acknowledged
    const what = `${node.name} to show what was acknowledged`
    const explain = (): string => `: it lacks ${lacks.toString()}`
    await waitFor({ what, timeoutMs: SHOWN_MS, stepMs: 100, explain }, async () => {
      lacks = acknowledged.subtract(await shownBy(node).catch(() => GtidSet.empty()))
      return lacks.isEmpty
    })
  }
}
