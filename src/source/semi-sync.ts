/*
  Semi-synchronous replication: the source's commits wait until we say that their transactions are safe here.
  It takes a plugin in the source, which marks every event of a dump that was announced so.
*/
import { readPairs } from './flavor/source-variables.ts'
import type { SourcePlace } from './holdings.ts'
import type { SourceConnection } from './source-connection.ts'

/** As far as it is known: changed in place, reading it costs nothing. */
export interface SemiSyncState {
  /** source.semi-sync */
  readonly wanted: boolean
  /** the source waits for us */
  active: boolean
  /** why it does not although it is wanted, and what to do */
  reason: string | undefined
  /** in the source's names: everything before it was acknowledged; undefined before the first time */
  acknowledged: SourcePlace | undefined
  /** acknowledgements since the start of the process, and seconds from an arrival until it was acknowledged */
  acks: number
  waitSeconds: number
}

export interface SemiSyncAnswer {
  /** every event of the dump is marked, and may be acknowledged */
  readonly marked: boolean
  /** why the source does not wait all the same */
  readonly reason: string | undefined
}

const NO_PLUGIN =
  'the source has no semi-sync plugin, kingbus replicates asynchronously: ' +
  "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so' and " +
  'SET GLOBAL rpl_semi_sync_source_enabled = ON there; it is taken up at the next connect'

/** To be asked before the dump, on its own connection. */
export async function askForSemiSync(connection: SourceConnection): Promise<SemiSyncAnswer> {
  const plugin = await readSemiSyncPlugin(connection)
  if (plugin === undefined) return { marked: false, reason: NO_PLUGIN }
  const { variable, isOn } = plugin
  // Under both names: which one counts depends on the age of the plugin.
  await connection.query('SET @rpl_semi_sync_slave = 1, @rpl_semi_sync_replica = 1')
  if (isOn) return { marked: true, reason: undefined }
  return {
    marked: true,
    reason:
      `${variable} is OFF at the source, kingbus replicates asynchronously: ` +
      `SET GLOBAL ${variable} = ON there; it is taken up at once`,
  }
}

/** The variable that turns the source's plugin on; undefined where there is no plugin. */
export async function readSemiSyncPlugin(
  connection: SourceConnection,
): Promise<{ readonly variable: string; readonly isOn: boolean } | undefined> {
  const pairs = await readPairs(
    connection,
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('rpl_semi_sync_source_enabled', " +
      "'rpl_semi_sync_master_enabled')",
  )
  const [first] = pairs
  return first && { variable: first[0], isOn: first[1] === 'ON' }
}
