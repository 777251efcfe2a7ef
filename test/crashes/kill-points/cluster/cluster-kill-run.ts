import { SeededRandom } from '../../../../src/platform/testing/seeded-random.ts'
import { killWithEtcds } from '../../../e2e/harness/cluster/etcd-processes.ts'
import { pause, waitFor } from '../../../e2e/harness/wait.ts'
import { damagesOf, notHeld } from '../../world/losses.ts'
import { ThreeNodes } from '../../world/three-nodes.ts'
import { addAdministrator } from '../administrator.ts'
import { KillOrders, killed, wasObeyed } from '../kill-orders.ts'
import type { KillResult } from '../kill-run.ts'
import { type ClusterKillPoint, describeClusterPoint, KNOWN_CHANGES } from './cluster-points.ts'
import { arm, type Cast, lead, prepare, provoke } from './scenes.ts'

const REACHED_MS = 30_000
const STEP_MS = 120

export interface ClusterKillPlan {
  readonly seed: number
  readonly points: readonly ClusterKillPoint[]
  readonly say: (line: string) => void
}

/**
 * Lets one node of a cluster die at each point under load. What it had reported must be on its own disk, whatever the
 * others have; then it comes back, or all die and come back, and nothing may be missing anywhere.
 */
export async function runClusterKills({
  seed,
  points,
  say,
}: ClusterKillPlan): Promise<KillResult<ClusterKillPoint>> {
  const random = new SeededRandom(seed)
  const world = await ThreeNodes.start(seed)
  await addAdministrator(world.cluster.node(0))
  const orders = new KillOrders(KNOWN_CHANGES)
  const unreached: ClusterKillPoint[] = []
  let kills = 0
  const result = (losses: readonly string[]): KillResult<ClusterKillPoint> => {
    return { kills, committed: world.committed, losses, unreached, unlisted: orders.unlisted() }
  }
  for (const point of points) {
    await world.settled()
    const victim = random.pick(world.cluster.nodes)
    const others = world.cluster.nodes.filter((node) => node !== victim)
    const cast: Cast = { world, victim, others }
    const isReached = await die(cast, point, { orders, random })
    if (isReached) kills += 1
    else unreached.push(point)
    const losses = await comeBack(cast, isReached && point.scene === 'in sync', random)
    const told = `${kills}. ${describeClusterPoint(point)}${isReached ? '' : ': NOT REACHED'}`
    say(`seed ${seed}: ${told}, ${world.committed} committed`)
    if (losses.length > 0) return result(losses)
  }
  return result(await world.rest())
}

interface Chance {
  readonly orders: KillOrders
  readonly random: SeededRandom
}

/** @returns whether the process died where it was told to; the source and the other nodes hang since then */
async function die(
  cast: Cast,
  point: ClusterKillPoint,
  { orders, random }: Chance,
): Promise<boolean> {
  const { world, victim, others } = cast
  await prepare(point.scene, cast)
  const order = orders.nextArmed(point, random)
  if (point.scene !== 'in sync') arm(order.armedBy)
  const ended = victim.launchOther(killed(order)).then(() => {
    // Before the others find out and go on without it.
    world.source.freeze()
    for (const other of others) other.freeze()
  })
  if (point.scene === 'in sync') {
    await world.settled()
    if (random.chance(0.5)) await lead(world, victim)
    arm(order.armedBy)
  }
  const deadline = performance.now() + REACHED_MS
  while (victim.isRunning && performance.now() < deadline) {
    await Promise.race([ended, provoke(cast, point.operation, random).then(() => pause(STEP_MS))])
  }
  await victim.kill9()
  await ended
  return wasObeyed(order)
}

/** @param counted everything that is acknowledged was reported by the victim, too */
async function comeBack(cast: Cast, counted: boolean, random: SeededRandom): Promise<string[]> {
  const { world, victim, others } = cast
  const { nodes } = world.cluster
  try {
    const losses = await damagesOf(victim)
    if (counted) losses.push(...(await lossesAlone(cast)))
    if (random.chance(0.4)) {
      await killWithEtcds(nodes)
      await Promise.all(nodes.map((node) => node.launch()))
    } else {
      for (const other of others) other.thaw()
      if (!victim.isRunning) await victim.launch()
    }
    return [...losses, ...(await world.losses())]
  } finally {
    world.source.thaw()
  }
}

/** What the victim's own disk lacks when it has opened its log, the others hanging. */
async function lossesAlone({ world, victim }: Cast): Promise<string[]> {
  await victim.launch('/healthz')
  const name = world.cluster.nameOf(world.cluster.nodes.indexOf(victim))
  const what = 'the node that died to have opened its log'
  await waitFor({ what, timeoutMs: REACHED_MS, explain: () => victim.logTail() }, async () => {
    const status = await world.cluster.status(victim).catch(() => undefined)
    return (status?.nodes.find((node) => node.name === name)?.end ?? null) !== null
  })
  return await notHeld(victim, world.acknowledged.gtids)
}
