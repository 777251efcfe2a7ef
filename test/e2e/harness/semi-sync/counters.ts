import type { Mysqld } from '../mysqld.ts'

/** The source's own counters of semi-synchronous replication; it counts a group commit once. */
export interface SemiSyncCounters {
  /** replicas whose acknowledgements count */
  readonly clients: number
  /** commits that were acknowledged, and those that went on without */
  readonly yes: number
  readonly no: number
  /** false: the source does not wait at the moment */
  readonly on: boolean
}

export async function semiSyncCounters(source: Mysqld): Promise<SemiSyncCounters> {
  const rows = await source.sql("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_%'")
  const of = (name: string): string => {
    const row = rows.find(({ Variable_name }) => Variable_name === `Rpl_semi_sync_source_${name}`)
    return String(row?.['Value'])
  }
  return {
    clients: Number(of('clients')),
    yes: Number(of('yes_tx')),
    no: Number(of('no_tx')),
    on: of('status') === 'ON',
  }
}
