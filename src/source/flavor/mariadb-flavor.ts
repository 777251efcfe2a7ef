/*
  MariaDB as a source. It knows no COM_BINLOG_DUMP_GTID: a place is asked for by file and position, a set of
  GTIDs by @slave_connect_state before the dump. It has no server_uuid, no owned and no purged set either.
*/
import { OperationalError } from '../../lib/index.ts'
import { encodeComBinlogDump, GtidSet, newestOfDomains, uuidOfServerId } from '../../mysql/index.ts'
import type { SourceProfile } from '../preflight.ts'
import { columnOf, type SourceConnection } from '../source-connection.ts'
import { accountName, isKingbus, readGrants, refuseEmptyKingbus, tooOld } from './profile-parts.ts'
import type { DumpQuestion, SourceFlavor, SourceHistory } from './source-flavor.ts'

const OLDEST = [10, 6] as const
const POSITION_MOST = 2 ** 32 - 1

const PROFILE_SQL =
  'SELECT CURRENT_USER() AS account, @@server_id AS id, @@global.log_bin AS log_bin, ' +
  '@@global.binlog_checksum AS checksum, @@global.encrypt_binlog AS encrypted, ' +
  '@@global.binlog_expire_logs_seconds AS expires'
const KINGBUS_SQL = 'SELECT @@global.kingbus_source_uuid AS uuid'

async function readProfile(connection: SourceConnection, version: string): Promise<SourceProfile> {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw tooOld(version, `MariaDB ${OLDEST.join('.')}`)
  }
  const row = await connection.queryRow(PROFILE_SQL)
  const serverId = Number(columnOf(row, 'id'))
  const uuid = isKingbus(version)
    ? columnOf(await connection.queryRow(KINGBUS_SQL), 'uuid')
    : uuidOfServerId(serverId)
  refuseEmptyKingbus(version, uuid)
  const hasGrant = await readGrants(connection)
  return {
    flavor: 'mariadb',
    version,
    account: accountName(columnOf(row, 'account')),
    uuid,
    serverId,
    gtidMode: 'ON',
    gtidConsistency: 'ON',
    logBin: columnOf(row, 'log_bin') === '1',
    checksum: columnOf(row, 'checksum'),
    encrypted: columnOf(row, 'encrypted') === '1',
    expireSeconds: Number(columnOf(row, 'expires')),
    mayReplicate: hasGrant('REPLICATION SLAVE'),
    mayAskStatus: hasGrant('BINLOG MONITOR') || hasGrant('REPLICATION CLIENT'),
  }
}

/** A transaction that waits for its acknowledgement is in the state of the binlog already. */
async function readHistory(connection: SourceConnection): Promise<SourceHistory> {
  const row = await connection.queryRow('SELECT @@global.gtid_binlog_state AS state')
  return {
    owned: GtidSet.empty(),
    executed: GtidSet.parse(columnOf(row, 'state')),
    purged: GtidSet.empty(),
  }
}

async function askForDump(connection: SourceConnection, question: DumpQuestion): Promise<Buffer> {
  const { flags, serverId, file, position, held } = question
  if (position > POSITION_MOST) {
    throw new OperationalError(
      'E_SOURCE_REFUSED',
      `a MariaDB source cannot be asked for position ${position} of ${file}, which is beyond 4 GiB: let it ` +
        'begin another file (FLUSH BINARY LOGS), and start with an empty data directory behind this one',
      { file, position },
    )
  }
  if (file === '' && held !== undefined) {
    await connection.query(`SET @slave_connect_state = '${newestOfDomains(held)}'`)
  }
  return encodeComBinlogDump({ flags, serverId, file, position })
}

export const mariadbFlavor: SourceFlavor = {
  readProfile,
  readHistory,
  askForDump,
  // It ends an older dump with the same server id; 0 is that of mysqlbinlog, and nobody's.
  examinerId: () => 0,
  hasAnonymous: false,
}
