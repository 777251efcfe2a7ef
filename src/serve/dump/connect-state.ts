/*
  What a MariaDB replica has, from the last transaction that it has of each domain: in the binlog's order that
  is everything of the domain up to there, of whichever server. Of a domain that it does not name it has nothing.
*/
import { formatGtid, type Gtid, GtidSet, mariadbOriginParts } from '../../mysql/index.ts'
import type { DumpError } from '../dump-request.ts'
import type { BinlogReader } from './binlog-reader.ts'
import { gtidNotInBinlog, gtidNotReceived, STATE_TOO_OLD } from './dump-errors.ts'

export async function heldByReplica(
  reader: BinlogReader,
  state: readonly Gtid[],
): Promise<GtidSet | { readonly error: DumpError }> {
  const held = GtidSet.empty()
  for (const gtid of state) {
    const domain = `${mariadbOriginParts(gtid.origin).domain}-`
    const known = reader.executed().only(domain)
    // As in MariaDB a domain that nobody has heard of does not matter.
    if (known.isEmpty) continue
    if (!known.has(gtid)) return { error: missing(gtid, known) }
    const purged = reader.purged().only(domain)
    const behind = purged.has(gtid) ? purged : await reader.heldBehind(gtid)
    const isLastPurged =
      purged.origins().at(-1) === gtid.origin && purged.lastOf(gtid.origin) === gtid.gno
    if (behind === undefined || (behind === purged && !isLastPurged))
      return { error: STATE_TOO_OLD }
    held.addAll(behind.only(domain))
  }
  return held
}

/** Larger numbers of the domain are here: so it is not that Kingbus has not received it yet. */
function missing(gtid: Gtid, known: GtidSet): DumpError {
  const text = formatGtid(gtid)
  const isBehind = known.origins().some((origin) => known.lastOf(origin) >= gtid.gno)
  return isBehind ? gtidNotInBinlog(text) : gtidNotReceived(text, known.toString())
}
