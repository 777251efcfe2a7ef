import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { OwnDisk } from '../../e2e/harness/disks/own-disk.ts'
import { pause, waitFor } from '../../e2e/harness/wait.ts'
import { OneNode } from '../world/one-node.ts'
import type { PowerPlan, PowerResult } from './power-plan.ts'

const UNDER_LOAD_MS = 2500
const NOTICED_MS = 20_000
const SETTLED_MS = 500

/**
 * A node alone, whose disk loses power under load again and again; each time what it has promised is looked for
 * before the source can be read again.
 */
export async function runOneNode(plan: PowerPlan): Promise<PowerResult> {
  const { seed, fileSystem, cuts, say } = plan
  const random = new SeededRandom(seed)
  const disk = new OwnDisk(fileSystem, fileSystem)
  const world = await OneNode.start({ seed, disk: disk.folder })
  for (let cut = 1; cut <= cuts; cut += 1) {
    const isStopped = random.chance(0.4)
    await underLoad(world, random)
    const faults = isStopped ? await liveOn(world, disk) : await die(world, disk)
    world.source.freeze()
    disk.restorePower()
    const losses = [...(faults ?? []), ...(await comeBack(world))]
    const how = isStopped ? ' and was stopped' : ''
    say(`seed ${seed} ${fileSystem}: cut ${cut}${how}, ${world.committed} committed`)
    if (losses.length > 0) return { cuts: cut, committed: world.committed, losses }
  }
  const losses = await world.rest()
  return { cuts, committed: world.committed, losses }
}

/** Until transactions are acknowledged, and a while longer; the connection breaks now and then. */
async function underLoad({ acknowledged, proxy }: OneNode, random: SeededRandom): Promise<void> {
  const { count } = acknowledged
  const what = 'commits to be acknowledged before the power goes'
  await waitFor({ what }, async () => acknowledged.count > count + 5)
  if (random.chance(0.3)) proxy.cutAfter(random.between(1, 300_000))
  await pause(random.between(0, UNDER_LOAD_MS))
}

/**
 * The process does nothing behind the cut: the kernel may call an fdatasync that it has cut off a success, which
 * nobody hears where power is lost.
 */
async function die({ kingbus }: OneNode, disk: OwnDisk): Promise<void> {
  kingbus.freezeAtDisk()
  disk.cutPower()
  await kingbus.kill9()
}

/** The same of a process that lives on: no fdatasync is under way at the cut. */
async function liveOn(world: OneNode, disk: OwnDisk): Promise<string[]> {
  world.kingbus.freeze()
  disk.cutPower()
  world.kingbus.thaw()
  return await stopWhenNoticed(world)
}

/** The process finds out by itself that nothing can be stored, says so, and ends in order when it is told to. */
async function stopWhenNoticed({ kingbus, acknowledged }: OneNode): Promise<string[]> {
  const what = 'the node to say that its disk has failed'
  const explain = (): string => kingbus.logTail(100)
  await waitFor({ what, timeoutMs: NOTICED_MS, explain }, async () => {
    if (!kingbus.isRunning) throw new Error(`it ended with ${kingbus.exitCode}: ${explain()}`)
    const status = await kingbus.status().catch(() => undefined)
    return status?.source.error?.code === 'E_STORE_WRITE'
  })
  // What was acknowledged before is on its way to the clients.
  await pause(SETTLED_MS)
  const { count } = acknowledged
  await pause(SETTLED_MS)
  const faults: string[] = []
  if (acknowledged.count > count) faults.push('acknowledged after it had said that the disk failed')
  await kingbus.stop()
  if (kingbus.exitCode !== 0) faults.push(`ended with ${kingbus.exitCode}\n${kingbus.logTail()}`)
  return faults
}

async function comeBack(world: OneNode): Promise<string[]> {
  try {
    await world.kingbus.launch()
    return await world.losses()
  } finally {
    world.source.thaw()
  }
}
