import { encodeComBinlogDump, encodeComBinlogDumpGtid, GtidSet } from '../../mysql/index.ts'
import { parseGtidOwned } from '../gtid-owned.ts'
import type { SourceProfile } from '../preflight.ts'
import { columnOf, type SourceConnection } from '../source-connection.ts'
import { accountName, isKingbus, readGrants, refuseEmptyKingbus, tooOld } from './profile-parts.ts'
import type { DumpQuestion, SourceFlavor, SourceHistory } from './source-flavor.ts'

const OLDEST_MAJOR = 8

const profileSql = (uuid: string): string =>
  `SELECT CURRENT_USER() AS account, @@${uuid} AS uuid, @@server_id AS id, ` +
  '@@global.gtid_mode AS gtid_mode, @@global.enforce_gtid_consistency AS consistency, ' +
  '@@global.log_bin AS log_bin, @@global.binlog_checksum AS checksum, ' +
  '@@global.binlog_encryption AS encrypted, @@global.binlog_expire_logs_seconds AS expires'

async function readProfile(connection: SourceConnection, version: string): Promise<SourceProfile> {
  const major = Number.parseInt(version, 10)
  if (major < OLDEST_MAJOR) throw tooOld(version, `MySQL ${OLDEST_MAJOR}.0`)
  const uuidOf = isKingbus(version) ? 'global.kingbus_source_uuid' : 'server_uuid'
  const row = await connection.queryRow(profileSql(uuidOf))
  refuseEmptyKingbus(version, columnOf(row, 'uuid'))
  const hasGrant = await readGrants(connection)
  return {
    flavor: 'mysql',
    version,
    account: accountName(columnOf(row, 'account')),
    uuid: columnOf(row, 'uuid').toLowerCase(),
    serverId: Number(columnOf(row, 'id')),
    gtidMode: columnOf(row, 'gtid_mode'),
    gtidConsistency: columnOf(row, 'consistency'),
    logBin: columnOf(row, 'log_bin') === '1',
    checksum: columnOf(row, 'checksum'),
    encrypted: columnOf(row, 'encrypted') === '1',
    expireSeconds: Number(columnOf(row, 'expires')),
    mayReplicate: hasGrant('REPLICATION SLAVE'),
    mayAskStatus: hasGrant('REPLICATION CLIENT'),
  }
}

/** Owned comes before executed: a transaction that commits in between is then seen in both, never in none. */
async function readHistory(connection: SourceConnection): Promise<SourceHistory> {
  const row = await connection.queryRow(
    'SELECT @@global.gtid_owned AS owned, @@global.gtid_executed AS executed, @@global.gtid_purged AS purged',
  )
  return {
    owned: parseGtidOwned(columnOf(row, 'owned')),
    executed: GtidSet.parse(columnOf(row, 'executed')),
    purged: GtidSet.parse(columnOf(row, 'purged')),
  }
}

/** Without a name the command with a GTID set looks for the file of the set, the one without for the oldest. */
function dumpCommand({ flags, serverId, file, position, held }: DumpQuestion): Buffer {
  if (held === undefined) return encodeComBinlogDump({ flags, serverId, file, position })
  const gtidSet = held.encode()
  return encodeComBinlogDumpGtid({ flags, serverId, file, position: BigInt(position), gtidSet })
}

export const mysqlFlavor: SourceFlavor = {
  readProfile,
  readHistory,
  askForDump: (_, question) => Promise.resolve(dumpCommand(question)),
  // It is told apart by its uuid.
  examinerId: (serverId) => serverId,
  hasAnonymous: true,
}
