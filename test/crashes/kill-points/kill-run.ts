import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { pause } from '../../e2e/harness/wait.ts'
import { damagesOf } from '../world/losses.ts'
import { OneNode } from '../world/one-node.ts'
import { addAdministrator, purge } from './administrator.ts'
import { KillOrders, killed, wasObeyed } from './kill-orders.ts'
import type { KillOrder } from './killing-disk.ts'
import { describePoint, KILL_POINTS, type KillPoint } from './points.ts'

const REACHED_MS = 30_000
const STEP_MS = 120

export interface KillPlan {
  readonly seed: number
  readonly points: readonly KillPoint[]
  readonly say: (line: string) => void
}

export interface KillResult<Point = KillPoint> {
  readonly kills: number
  readonly committed: number
  readonly losses: readonly string[]
  /** points that no process came to */
  readonly unreached: readonly Point[]
  /** changes of the disk that a process made, and that no point of the table is about */
  readonly unlisted: readonly string[]
}

/** Lets a node die at each point under load, and looks each time for what is lost. */
export async function runKills({ seed, points, say }: KillPlan): Promise<KillResult> {
  const random = new SeededRandom(seed)
  const world = await OneNode.start({ seed })
  await addAdministrator(world.kingbus)
  await world.kingbus.kill9()
  const listed = Object.values(KILL_POINTS).flat()
  const orders = new KillOrders(listed.map(({ operation }) => operation))
  const unreached: KillPoint[] = []
  let kills = 0
  const result = (losses: readonly string[]): KillResult => {
    return { kills, committed: world.committed, losses, unreached, unlisted: orders.unlisted() }
  }
  for (const point of points) {
    const deaths = point.behind === undefined ? [point] : [point.behind, point]
    let isReached = true
    for (const death of deaths) {
      isReached &&= await die(world, orders.next(death, random), random.fork())
      if (isReached) kills += 1
    }
    if (!isReached) unreached.push(point)
    const losses = await comeBack(world)
    const told = `${kills}. ${describePoint(point)}${isReached ? '' : ': NOT REACHED'}`
    say(`seed ${seed}: ${told}, ${world.committed} committed`)
    if (losses.length > 0) return result(losses)
  }
  await world.kingbus.launch()
  return result(await world.rest())
}

/** @returns whether the process died where it was told to */
async function die(world: OneNode, order: KillOrder, random: SeededRandom): Promise<boolean> {
  const { kingbus } = world
  const ended = kingbus.launchOther(killed(order))
  const deadline = performance.now() + REACHED_MS
  while (kingbus.isRunning && performance.now() < deadline) {
    await Promise.race([ended, pause(STEP_MS)])
    await provoke(world, order.operation, random)
  }
  await kingbus.kill9()
  return wasObeyed(order)
}

/** Starts the product and looks; then it has to end, in one way or the other, since the next one is to die. */
async function comeBack(world: OneNode): Promise<string[]> {
  const { kingbus, source } = world
  // Nothing that was lost can be read again.
  source.freeze()
  try {
    const damages = await damagesOf(kingbus)
    await kingbus.launch()
    return [...damages, ...(await world.losses())]
  } finally {
    source.thaw()
    await kingbus.kill9()
  }
}

/** What makes the operation come: rotations come by themselves. */
async function provoke({ proxy, kingbus }: OneNode, operation: string, random: SeededRandom) {
  if (/cut|truncate/.test(operation)) proxy.cutAfter(random.between(1, 300_000))
  else if (random.chance(0.05)) proxy.cut()
  if (/purge|remove/.test(operation) || random.chance(0.03)) await purge(kingbus)
}
