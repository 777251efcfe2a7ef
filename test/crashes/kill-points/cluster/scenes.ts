/*
  How a node of a cluster comes to change its disk in a way that it seldom does.
*/
import { statSync, writeFileSync } from 'node:fs'
import type { SeededRandom } from '../../../../src/platform/testing/seeded-random.ts'
import type { Kingbus } from '../../../e2e/harness/kingbus.ts'
import { waitFor } from '../../../e2e/harness/wait.ts'
import type { ThreeNodes } from '../../world/three-nodes.ts'
import { purge } from '../administrator.ts'

/**
 * in sync: it counts for what is committed, as leader or not.
 * with records of its own: it led, and others have begun another epoch before they had all of its records.
 */
export type Scene = 'in sync' | 'with records of its own'

/** The node that is to die, and the others. */
export interface Cast {
  readonly world: ThreeNodes
  readonly victim: Kingbus
  readonly others: readonly Kingbus[]
}

const PATIENCE_MS = 60_000

/** What happens before the process starts that is to die; the victim is down then. */
export async function prepare(scene: Scene, cast: Cast): Promise<void> {
  const { victim } = cast
  if (scene === 'with records of its own') return await leadAlone(cast)
  await victim.kill9()
}

/** A leader whose followers hear nothing stores what comes, and others go on without that. */
async function leadAlone({ world, victim, others }: Cast): Promise<void> {
  await lead(world, victim)
  const before = bytesOf(victim)
  for (const other of others) other.freeze()
  await waitFor({ what: 'records that the leader alone has' }, async () => bytesOf(victim) > before)
  await victim.kill9()
  for (const other of others) other.thaw()
  await goneOn(world)
}

/** Commits go on without the node that is away. */
async function goneOn({ acknowledged }: ThreeNodes): Promise<void> {
  const { count } = acknowledged
  const what = 'commits without the node that is away'
  await waitFor({ what, timeoutMs: PATIENCE_MS }, async () => acknowledged.count > count + 5)
}

/** It leads, if it can just now. */
export async function lead({ cluster }: ThreeNodes, node: Kingbus): Promise<void> {
  const name = cluster.nameOf(cluster.nodes.indexOf(node))
  const what = `${name} to lead`
  await waitFor({ what, timeoutMs: PATIENCE_MS, stepMs: 200 }, async () => {
    await node.request('POST', `/api/v1/members/${name}/lead`).catch(() => {})
    return (await cluster.status(node)).leader === name
  })
}

/** From now on the process dies at its point. */
export function arm(file: string): void {
  writeFileSync(file, '')
}

/** What makes the operation come, while the victim runs. */
export async function provoke(cast: Cast, operation: string, random: SeededRandom): Promise<void> {
  const { world, others } = cast
  if (/cut|truncate/.test(operation)) world.proxy.cutAfter(random.between(1, 300_000))
  if (/purge|remove|log.json/.test(operation)) await purge(random.pick(others))
  if (/head|create|closed|set|folder|truncate/.test(operation) || random.chance(0.03)) {
    await world.source.sql('FLUSH BINARY LOGS')
  }
}

function bytesOf(node: Kingbus): number {
  return node.binlogs().reduce((sum, { path }) => sum + statSync(path).size, 0)
}
