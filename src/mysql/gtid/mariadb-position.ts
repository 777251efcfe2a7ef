/*
  A position in MariaDB's binlog as replicas keep it: of each domain the newest transaction, whichever server
  committed it. (A GtidSet is what MariaDB calls a binlog state: the newest of each domain and server.)
*/
import { ProtocolError } from '../../lib/index.ts'
import { formatGtid, type Gtid, mariadbOriginParts } from './gtid.ts'
import { GtidSet } from './gtid-set.ts'

/**
 * `0-11-4,7-12-1`, as @@gtid_binlog_pos. The newest transaction of a domain is the one with its largest number,
 * which is what MariaDB gives the next one in any case.
 */
export function newestOfDomains(set: GtidSet): string {
  const newest = new Map<number, Gtid>()
  for (const origin of set.origins()) {
    newest.set(mariadbOriginParts(origin).domain, { origin, gno: set.lastOf(origin) })
  }
  return [...newest.values()].map(formatGtid).join(',')
}

/**
 * Reads @slave_connect_state: one transaction for each domain.
 * @throws ProtocolError for other text, and when a domain is there twice
 */
export function parseMariadbPosition(text: string): Gtid[] {
  const set = GtidSet.parse(text)
  const gtids = set.origins().map((origin) => ({ origin, gno: set.lastOf(origin) }))
  const domains = new Set(gtids.map(({ origin }) => mariadbOriginParts(origin).domain))
  const isPosition = set.flavor !== 'mysql' && domains.size === gtids.length
  if (!isPosition) throw new ProtocolError(`'${text.slice(0, 200)}' is no GTID position of MariaDB`)
  return gtids
}
