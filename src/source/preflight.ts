/*
  Is this server one whose binlog can be kept, and may we? Asked at every connect, and by `kingbus doctor`,
  which shows the warnings and notes too. Reads variables and grants only: statements that list binlog files
  can wait for a lock for ever.
*/
import { type ErrorCode, OperationalError, present } from '../lib/index.ts'
import { GtidSet } from '../mysql/index.ts'
import { parseGtidOwned } from './gtid-owned.ts'
import type { SourceFacts } from './resume.ts'
import type { ReplicaSelf } from './source-address.ts'
import type { Row, SourceConnection } from './source-connection.ts'

export interface Finding {
  /** error: it cannot work; warning: it works with less; note: to know */
  readonly severity: 'error' | 'warning' | 'note'
  /** what an error stops the link with */
  readonly code: ErrorCode | undefined
  readonly finding: string
  readonly remedy: string
}

/** What a source says of itself. */
export interface SourceProfile {
  readonly version: string
  readonly uuid: string
  readonly serverId: number
  readonly gtidMode: string
  readonly logBin: boolean
  readonly checksum: string
  readonly encrypted: boolean
  /** seconds after which the source purges a file by itself; 0 for never */
  readonly expireSeconds: number
  readonly mayReplicate: boolean
  /** may ask for the newest position (REPLICATION CLIENT) */
  readonly mayAskStatus: boolean
}

const OLDEST_MAJOR = 8

const PROFILE_SQL =
  'SELECT @@server_uuid AS uuid, @@server_id AS id, @@global.gtid_mode AS gtid_mode, ' +
  '@@global.log_bin AS log_bin, @@global.binlog_checksum AS checksum, ' +
  '@@global.binlog_encryption AS encrypted, @@global.binlog_expire_logs_seconds AS expires'

/** @throws OperationalError E_SOURCE_VERSION for a server that is no MySQL of 8.0 or later */
export async function readProfile(connection: SourceConnection): Promise<SourceProfile> {
  const { version } = await connection.queryRow('SELECT @@version AS version')
  const name = present(version, '@@version')
  checkVersion(name)
  const row = await connection.queryRow(PROFILE_SQL)
  const grants = (await connection.query('SHOW GRANTS')).flatMap((grant) => Object.values(grant))
  return {
    version: name,
    uuid: textOf(row, 'uuid').toLowerCase(),
    serverId: Number(textOf(row, 'id')),
    gtidMode: textOf(row, 'gtid_mode'),
    logBin: textOf(row, 'log_bin') === '1',
    checksum: textOf(row, 'checksum'),
    encrypted: textOf(row, 'encrypted') === '1',
    expireSeconds: Number(textOf(row, 'expires')),
    mayReplicate: hasGrant(grants, 'REPLICATION SLAVE'),
    mayAskStatus: hasGrant(grants, 'REPLICATION CLIENT'),
  }
}

/** Owned comes before executed: a transaction that commits in between is then seen in both, never in none. */
export async function readHistory(
  connection: SourceConnection,
): Promise<Pick<SourceFacts, 'owned' | 'executed'> & { readonly purged: GtidSet }> {
  const row = await connection.queryRow(
    'SELECT @@global.gtid_owned AS owned, @@global.gtid_executed AS executed, @@global.gtid_purged AS purged',
  )
  return {
    owned: parseGtidOwned(textOf(row, 'owned')),
    executed: GtidSet.parse(textOf(row, 'executed')),
    purged: GtidSet.parse(textOf(row, 'purged')),
  }
}

/** Everything worth saying about the source, the errors first. */
export function findingsOf(profile: SourceProfile, self: ReplicaSelf): Finding[] {
  return [...errorsOf(profile, self), ...warningsOf(profile)]
}

/** @throws OperationalError for the first finding that is an error */
export function refuseErrors(findings: readonly Finding[], address: string): void {
  const worst = findings.find(({ severity }) => severity === 'error')
  if (worst === undefined) return
  throw new OperationalError(
    worst.code ?? 'E_SOURCE_CONFIG',
    `source ${address}: ${worst.finding}; ${worst.remedy}`,
    { source: address },
  )
}

function errorsOf(profile: SourceProfile, self: ReplicaSelf): Finding[] {
  const found: Finding[] = []
  const error = (code: ErrorCode, finding: string, remedy: string): void => {
    found.push({ severity: 'error', code, finding, remedy })
  }
  if (!profile.logBin) {
    error('E_SOURCE_CONFIG', 'its binary log is off', 'start it with log_bin')
  }
  if (profile.gtidMode !== 'ON') {
    error(
      'E_SOURCE_CONFIG',
      `its gtid_mode is ${profile.gtidMode}`,
      'set gtid_mode = ON, step by step as in the MySQL manual, and enforce_gtid_consistency = ON',
    )
  }
  if (!profile.mayReplicate) {
    error(
      'E_SOURCE_PRIVILEGE',
      'the user lacks REPLICATION SLAVE',
      'GRANT REPLICATION SLAVE ON *.* TO that user',
    )
  }
  if (profile.uuid === self.uuid) {
    error(
      'E_SOURCE_IDENTITY',
      `its server_uuid ${profile.uuid} is the one that kingbus uses towards it`,
      'set another source.server-uuid, and see that the address is not that of kingbus itself',
    )
  }
  if (profile.serverId === self.serverId) {
    error(
      'E_SOURCE_IDENTITY',
      `its server_id ${profile.serverId} is the one that kingbus uses towards it`,
      'set another source.server-id',
    )
  }
  return found
}

const DAY_SECONDS = 86_400

function warningsOf(profile: SourceProfile): Finding[] {
  const found: Finding[] = []
  const say = (severity: 'warning' | 'note', finding: string, remedy: string): void => {
    found.push({ severity, code: undefined, finding, remedy })
  }
  if (!profile.mayAskStatus) {
    say(
      'warning',
      'the user lacks REPLICATION CLIENT: how far the source is ahead is not shown',
      'GRANT REPLICATION CLIENT ON *.* TO that user',
    )
  }
  if (profile.checksum !== 'CRC32') {
    say(
      'warning',
      `its binlog_checksum is ${profile.checksum}: damage on the way is not noticed`,
      'set binlog_checksum = CRC32',
    )
  }
  if (profile.encrypted) {
    say(
      'note',
      'its binlog is encrypted on its disk; events arrive as plain bytes and are stored so',
      'keep the data directory on an encrypted file system',
    )
  }
  if (profile.expireSeconds > 0 && profile.expireSeconds < DAY_SECONDS) {
    say(
      'note',
      `it purges its binlog after ${profile.expireSeconds} s: a longer absence of kingbus leaves a gap`,
      'set binlog_expire_logs_seconds to more than the longest absence',
    )
  }
  return found
}

function checkVersion(version: string): void {
  const major = Number.parseInt(version, 10)
  if (/mariadb/i.test(version)) {
    throw new OperationalError(
      'E_SOURCE_VERSION',
      `the source is MariaDB (${version}), whose GTIDs are of another kind; only MySQL can be a source`,
      { version },
    )
  }
  if (major >= OLDEST_MAJOR) return
  throw new OperationalError(
    'E_SOURCE_VERSION',
    `the source has version ${version}; ${OLDEST_MAJOR}.0 is the oldest that is understood`,
    { version },
  )
}

function textOf(row: Row, name: string): string {
  return present(row[name], `column ${name}`)
}

/** Grants on all databases, also through roles that are active, as SHOW GRANTS lists them. */
function hasGrant(grants: ReadonlyArray<string | null>, privilege: string): boolean {
  return grants.some((grant) => {
    const listed = /^GRANT (.*) ON \*\.\* TO /.exec(grant ?? '')?.[1]?.split(', ') ?? []
    return listed.includes('ALL PRIVILEGES') || listed.includes(privilege)
  })
}
