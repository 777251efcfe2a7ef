/*
  Semi-synchronous replication: the source's commits wait until we say that their transactions are safe here.
  It takes a plugin in the source, which marks every event of a dump that was announced so. Before 8.0.26, and in
  MariaDB, its names have `master` where later ones have `source`; a source may have either plugin.
*/
import { readPairs } from '../flavor/source-variables.ts'
import type { SourceConnection } from '../source-connection.ts'

export interface SemiSyncAnswer {
  /** every event of the dump is marked, and may be acknowledged */
  readonly marked: boolean
  /** why the source does not wait all the same */
  readonly reason: string | undefined
}

/** How the source sees it. */
export interface SemiSyncSeen {
  /** its commits wait: it is switched on, and no commit has waited in vain since it last was told of all */
  readonly waits: boolean
  /** commits that went on without an acknowledgement, since its start or FLUSH STATUS */
  readonly unacknowledged: number
  /** why its commits do not wait; undefined where they do */
  readonly reason: string | undefined
}

interface SemiSyncPlugin {
  readonly variable: string
  readonly isOn: boolean
}

/** The newer first: that is the plugin to have. */
const AGES = ['source', 'master'] as const

const enabledOf = (age: (typeof AGES)[number]): string => `rpl_semi_sync_${age}_enabled`

const whereNames = (names: readonly string[]): string =>
  `WHERE Variable_name IN (${names.map((name) => `'${name}'`).join(', ')})`

const ENABLED_SQL = `SHOW GLOBAL VARIABLES ${whereNames(AGES.map(enabledOf))}`
const STATUS_SQL = `SHOW GLOBAL STATUS ${whereNames(
  AGES.flatMap((age) => [`Rpl_semi_sync_${age}_status`, `Rpl_semi_sync_${age}_no_tx`]),
)}`

const NO_PLUGIN =
  'the source has no semi-sync plugin, kingbus replicates asynchronously: ' +
  "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so' and " +
  'SET GLOBAL rpl_semi_sync_source_enabled = ON there; it is taken up at the next connect'

const GONE_ON =
  'the source has stopped waiting for acknowledgements: a commit had none for rpl_semi_sync_source_timeout, or too ' +
  'few semi-sync replicas are connected for its rpl_semi_sync_source_wait_for_replica_count; it waits again by ' +
  'itself when it has them'

function switchedOff(variable: string): string {
  return (
    `${variable} is OFF at the source, kingbus replicates asynchronously: ` +
    `SET GLOBAL ${variable} = ON there; it is taken up at once`
  )
}

/** To be asked before the dump, on its own connection. */
export async function askForSemiSync(connection: SourceConnection): Promise<SemiSyncAnswer> {
  const plugin = await readSemiSyncPlugin(connection)
  if (plugin === undefined) return { marked: false, reason: NO_PLUGIN }
  // Under both names: which one counts depends on the age of the plugin.
  await connection.query('SET @rpl_semi_sync_slave = 1, @rpl_semi_sync_replica = 1')
  return { marked: true, reason: plugin.isOn ? undefined : switchedOff(plugin.variable) }
}

/** The variable that turns the source's plugin on; undefined where there is no plugin. */
export async function readSemiSyncPlugin(
  connection: SourceConnection,
): Promise<SemiSyncPlugin | undefined> {
  return pluginOf(await readPairs(connection, ENABLED_SQL))
}

/** Undefined where the source has no plugin. Nothing in it waits for a commit that waits for us. */
export async function readSemiSync(
  connection: SourceConnection,
): Promise<SemiSyncSeen | undefined> {
  const status = await readPairs(connection, STATUS_SQL)
  if (status.size === 0) return undefined
  return semiSyncSeen(status, await readPairs(connection, ENABLED_SQL))
}

/** By what SHOW GLOBAL STATUS and SHOW GLOBAL VARIABLES say. */
export function semiSyncSeen(
  status: ReadonlyMap<string, string>,
  enabled: ReadonlyMap<string, string>,
): SemiSyncSeen {
  const waits = AGES.some((age) => status.get(`Rpl_semi_sync_${age}_status`) === 'ON')
  const counts = AGES.map((age) => Number(status.get(`Rpl_semi_sync_${age}_no_tx`) ?? 0))
  const unacknowledged = counts.reduce((sum, count) => sum + count, 0)
  if (waits) return { waits, unacknowledged, reason: undefined }
  const plugin = pluginOf(enabled)
  const isOff = plugin !== undefined && !plugin.isOn
  return { waits, unacknowledged, reason: isOff ? switchedOff(plugin.variable) : GONE_ON }
}

function pluginOf(enabled: ReadonlyMap<string, string>): SemiSyncPlugin | undefined {
  const names = AGES.map(enabledOf).filter((name) => enabled.has(name))
  const [variable] = names
  if (variable === undefined) return undefined
  return { variable, isOn: names.some((name) => enabled.get(name) === 'ON') }
}
