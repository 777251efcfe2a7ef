/*
  What a node has lost, or holds otherwise than its source, after it died: compared while the source hangs, so that
  nothing can be read again from there.
*/
import { join } from 'node:path'
import { damageText, verifyDataDir } from '../../../src/inspect/index.ts'
import { GtidSet } from '../../../src/mysql/index.ts'
import { systemClock, systemDisk } from '../../../src/platform/index.ts'
import { fileDifference } from '../../e2e/harness/compare.ts'
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
    const what = fileDifference(path, join(source.dataFolder, name), name === last)
    if (what !== undefined) losses.push(`${name}: ${what} of the source`)
  }
  const paths = new Map(binlogs.map(({ name, path }) => [name, path]))
  for (const { name, path } of served.files()) {
    // What was purged since is still the source's.
    const what = fileDifference(path, paths.get(name) ?? join(source.dataFolder, name), true)
    if (what !== undefined) losses.push(`${name}: served ${what}`)
  }
  return [...losses, ...(await damagesOf(kingbus))]
}

/** What `kingbus verify` finds damaged, the process running or not. */
export async function damagesOf({ dataFolder }: Kingbus): Promise<string[]> {
  const { files, damages } = await verifyDataDir({
    disk: systemDisk,
    clock: systemClock,
    dataDir: dataFolder,
    from: undefined,
    progress: () => {},
  })
  return [...damages, ...files.flatMap((file) => file.damages)].map(
    (damage) => `damaged: ${damageText(damage)}`,
  )
}

function missing(what: string, gtids: GtidSet): string[] {
  return gtids.isEmpty ? [] : [`${what}, and missing: ${gtids.toString()}`]
}
