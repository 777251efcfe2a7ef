import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { freezeWithEtcd } from '../../e2e/harness/cluster/etcd-processes.ts'
import { OwnDisk } from '../../e2e/harness/disks/own-disk.ts'
import { pause, waitFor } from '../../e2e/harness/wait.ts'
import { ThreeNodes } from '../world/three-nodes.ts'
import type { PowerPlan, PowerResult } from './power-plan.ts'

const NODES = 3
const UNDER_LOAD_MS = 2500
/** Where power goes does not go everywhere in the same millisecond. */
const APART_MS = 200

/** A cluster of three, which loses the power of all nodes at once, and with it their processes, again and again. */
export async function runThreeNodes(plan: PowerPlan): Promise<PowerResult> {
  const { seed, fileSystem, cuts, say } = plan
  const random = new SeededRandom(seed)
  const disks = Array.from({ length: NODES }, () => new OwnDisk(fileSystem, fileSystem))
  const world = await ThreeNodes.start(
    seed,
    disks.map(({ folder }) => folder),
  )
  for (let cut = 1; cut <= cuts; cut += 1) {
    await world.settled()
    await underLoad(world, random)
    await losePower(world, disks, random)
    const losses = await comeBack(world)
    say(`seed ${seed} three nodes on ${fileSystem}: cut ${cut}, ${world.committed} committed`)
    if (losses.length > 0) return { cuts: cut, committed: world.committed, losses }
  }
  const losses = await world.rest()
  return { cuts, committed: world.committed, losses }
}

async function underLoad({ acknowledged }: ThreeNodes, random: SeededRandom): Promise<void> {
  const { count } = acknowledged
  const what = 'commits to be acknowledged before the power goes'
  await waitFor({ what, timeoutMs: 60_000 }, async () => acknowledged.count > count + 5)
  await pause(random.between(0, UNDER_LOAD_MS))
}

async function losePower(
  world: ThreeNodes,
  disks: readonly OwnDisk[],
  random: SeededRandom,
): Promise<void> {
  const apartMs = random.chance(0.5) ? 0 : APART_MS
  const cut = world.cluster.nodes.map(async (node, index) => {
    await pause(random.between(0, apartMs))
    // Nobody hears of an fdatasync that was cut off, and that the kernel may call a success.
    freezeWithEtcd(node)
    disks[index]?.cutPower()
  })
  await Promise.all(cut)
  await world.kill9()
  world.source.freeze()
  for (const disk of disks) disk.restorePower()
}

async function comeBack(world: ThreeNodes): Promise<string[]> {
  try {
    await Promise.all(world.cluster.nodes.map((node) => node.launch()))
    return await world.losses()
  } finally {
    world.source.thaw()
  }
}
