/*
  Semi-synchronous replication: the source's commits wait until we say that their transactions are safe here.
  It takes a plugin in the source, which marks every event of a dump that was announced so.
*/
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
  const rows = await connection.query(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('rpl_semi_sync_source_enabled', " +
      "'rpl_semi_sync_master_enabled')",
  )
  const { Variable_name: variable, Value: value } = rows[0] ?? {}
  if (variable === undefined || variable === null) return { marked: false, reason: NO_PLUGIN }
  // Under both names: which one counts depends on the age of the plugin.
  await connection.query('SET @rpl_semi_sync_slave = 1, @rpl_semi_sync_replica = 1')
  if (value === 'ON') return { marked: true, reason: undefined }
  return {
    marked: true,
    reason:
      `${variable} is OFF at the source, kingbus replicates asynchronously: ` +
      `SET GLOBAL ${variable} = ON there; it is taken up at once`,
  }
}
