import { Mysqld } from '../../e2e/harness/mysqld.ts'

const HOUR_MS = 3_600_000

/** A source with the plugin of semi-synchronous replication, which does not wait yet. */
export async function startWaitingSource(): Promise<Mysqld> {
  return await Mysqld.start({
    serverId: 1,
    options: { 'plugin-load-add': 'semisync_source.so', max_binlog_size: '512K' },
  })
}

/** From now on no commit goes on without an acknowledgement. */
export async function beginToWait(source: Mysqld): Promise<void> {
  await source.sql(`SET GLOBAL rpl_semi_sync_source_timeout = ${HOUR_MS}`)
  await source.sql('SET GLOBAL rpl_semi_sync_source_enabled = ON')
}
