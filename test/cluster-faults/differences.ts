import { GtidSet } from '../../src/mysql/index.ts'
import { compareBinlogs, serverDifferences } from '../e2e/harness/compare.ts'
import { waitFor } from '../e2e/harness/wait.ts'
import type { FaultNode } from './world/fault-node.ts'
import { shownBy } from './world/shown-watch.ts'
import type { World } from './world/world.ts'

const CAUGHT_UP_MS = 60_000
const REPLICA_MS = 120_000

/**
 * In what the parties differ, the source at rest: every node has the source's files byte by byte, so its
 * transactions once and in its order; what the source acknowledged to its clients is among them; the replicas are the
 * source's equals.
 */
export async function differencesOf(world: World): Promise<string[]> {
  const { source, nodes, replicas, acknowledged, watch } = world
  const executed = GtidSet.parse(await source.gtidExecuted())
  const differences = [...watch.violations]
  const missing = GtidSet.parse(acknowledged.gtids).subtract(executed)
  if (!missing.isEmpty) differences.push(`the source itself has lost ${missing.toString()}`)
  for (const node of nodes) {
    await caughtUp(node, executed)
    for (const { name, what } of (await compareBinlogs(source, node.kingbus)).differences) {
      differences.push(`${node.name}: ${name}: ${what}`)
    }
  }
  for (const replica of replicas) {
    await replica.catchUpWith(source, REPLICA_MS)
    differences.push(...(await serverDifferences(source, replica.server)))
  }
  return differences
}

/** Waits until the node shows exactly this. */
async function caughtUp(node: FaultNode, executed: GtidSet): Promise<void> {
  let shown = GtidSet.empty()
  const explain = (): string => {
    const [lacks, has] = [executed.subtract(shown), shown.subtract(executed)]
    return `: it lacks '${lacks.toString()}', and has '${has.toString()}' that the source has not`
  }
  const what = `${node.name} to show what the source has`
  await waitFor({ what, timeoutMs: CAUGHT_UP_MS, stepMs: 100, explain }, async () => {
    shown = await shownBy(node).catch(() => shown)
    return shown.equals(executed)
  })
}
