/*
  What a node has lost, or holds otherwise than its source, after it died: compared while the source hangs, so that
  nothing can be read again from there.
*/
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { damageText, type VerifyReport, verifyDataDir } from '../../../src/inspect/index.ts'
import { GtidSet } from '../../../src/mysql/index.ts'
import { systemClock, systemDisk } from '../../../src/platform/index.ts'
import { compareBinlogs, fileDifference } from '../../e2e/harness/compare.ts'
import type { Kingbus } from '../../e2e/harness/kingbus.ts'
import type { Mysqld } from '../../e2e/harness/mysqld.ts'
import type { Served } from './served.ts'

/** What must not be missing. */
export interface Promised {
  /** GTIDs of which the source's clients were told, in MySQL's text */
  readonly acknowledged: string
  readonly served: Served
}

/** In what a node that has started again breaks what it promised; it need not reach its source. */
export async function lossesOf(
  source: Mysqld,
  kingbus: Kingbus,
  { acknowledged, served }: Promised,
): Promise<string[]> {
  const { gtidExecuted } = await kingbus.status()
  const held = GtidSet.parse(gtidExecuted)
  const losses = [
    ...missing('acknowledged', GtidSet.parse(acknowledged).subtract(held)),
    ...missing('served', served.gtids.subtract(held)),
  ]
  const binlogs = kingbus.binlogs()
  const last = binlogs.at(-1)?.name
  for (const { name, path } of binlogs) {
    if (!existsSync(path)) continue // purged meanwhile
    const what = fileDifference(path, join(source.dataFolder, name), name === last)
    if (what !== undefined) losses.push(`${name}: ${what} of the source`)
  }
  const paths = new Map(kingbus.binlogs().map(({ name, path }) => [name, path]))
  for (const { name, path } of served.files()) {
    // What was purged since is still the source's.
    const what = fileDifference(path, paths.get(name) ?? join(source.dataFolder, name), true)
    if (what !== undefined) losses.push(`${name}: served ${what}`)
  }
  return [...losses, ...(await damagesOf(kingbus))]
}

/** In what it differs from its source when it has all; what was purged of it is left out. */
export async function differencesFrom(source: Mysqld, kingbus: Kingbus): Promise<string[]> {
  const held = new Set(kingbus.binlogs().map(({ name }) => name))
  const oldest = kingbus.binlogs()[0]?.name ?? ''
  const { differences } = await compareBinlogs(source, kingbus)
  const isPurged = (name: string): boolean => !held.has(name) && name < oldest
  return differences
    .filter(({ name }) => !isPurged(name))
    .map(({ name, what }) => `${name}: ${what}`)
}

/** What `kingbus verify` finds damaged, the process running or not. */
export async function damagesOf(kingbus: Kingbus): Promise<string[]> {
  const { files, damages } = await verified(kingbus)
  return [...damages, ...files.flatMap((file) => file.damages)].map(
    (damage) => `damaged: ${damageText(damage)}`,
  )
}

/** What of this is in none of its files, up to where its index speaks of them, the process running. */
export async function notHeld(kingbus: Kingbus, gtids: string): Promise<string[]> {
  const { gtidPurged } = await kingbus.status()
  const { files } = await verified(kingbus)
  const held = GtidSet.parse(gtidPurged).union(files.at(-1)?.end.held ?? GtidSet.empty())
  return missing('counted', GtidSet.parse(gtids).subtract(held))
}

async function verified({ dataFolder }: Kingbus): Promise<VerifyReport> {
  return await verifyDataDir({
    disk: systemDisk,
    clock: systemClock,
    dataDir: dataFolder,
    from: undefined,
    progress: () => {},
  })
}

function missing(what: string, gtids: GtidSet): string[] {
  return gtids.isEmpty ? [] : [`${what}, and missing: ${gtids.toString()}`]
}
