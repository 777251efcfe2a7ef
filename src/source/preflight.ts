/*
  Is this server one whose binlog can be kept, and may we? Asked at every connect, and by `kingbus doctor`,
  which shows all of it. Reads variables and grants only: statements that list binlog files can wait for a
  lock for ever.
*/
import { type ErrorCode, OperationalError } from '../lib/index.ts'
import { GtidSet } from '../mysql/index.ts'
import type { Finding, Severity } from './finding.ts'
import { parseGtidOwned } from './gtid-owned.ts'
import type { SourceFacts } from './resume.ts'
import type { ReplicaSelf } from './source-address.ts'
import { columnOf, type SourceConnection } from './source-connection.ts'

/** What a source says of itself. */
export interface SourceProfile {
  readonly version: string
  /** the account that we are there, as statements write it: `'repl'@'%'` */
  readonly account: string
  readonly uuid: string
  readonly serverId: number
  readonly gtidMode: string
  readonly gtidConsistency: string
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

/** A Kingbus is recognized by its version. What it has is its source's, so it goes by that one's uuid. */
const OF_KINGBUS = /-kingbus\b/

const profileSql = (uuid: string): string =>
  `SELECT CURRENT_USER() AS account, @@${uuid} AS uuid, @@server_id AS id, ` +
  '@@global.gtid_mode AS gtid_mode, @@global.enforce_gtid_consistency AS consistency, ' +
  '@@global.log_bin AS log_bin, @@global.binlog_checksum AS checksum, ' +
  '@@global.binlog_encryption AS encrypted, @@global.binlog_expire_logs_seconds AS expires'

/**
 * @throws OperationalError E_SOURCE_VERSION for a server that is no MySQL of 8.0 or later, E_SOURCE_REFUSED for a
 * Kingbus that has nothing yet
 */
export async function readProfile(connection: SourceConnection): Promise<SourceProfile> {
  const name = columnOf(await connection.queryRow('SELECT @@version AS version'), 'version')
  checkVersion(name)
  const isKingbus = OF_KINGBUS.test(name)
  const uuidOf = isKingbus ? 'global.kingbus_source_uuid' : 'server_uuid'
  const row = await connection.queryRow(profileSql(uuidOf))
  if (isKingbus && columnOf(row, 'uuid') === '') {
    throw new OperationalError('E_SOURCE_REFUSED', 'the Kingbus that is the source has nothing yet')
  }
  const grants = (await connection.query('SHOW GRANTS')).flatMap((grant) => Object.values(grant))
  return {
    version: name,
    account: accountName(columnOf(row, 'account')),
    uuid: columnOf(row, 'uuid').toLowerCase(),
    serverId: Number(columnOf(row, 'id')),
    gtidMode: columnOf(row, 'gtid_mode'),
    gtidConsistency: columnOf(row, 'consistency'),
    logBin: columnOf(row, 'log_bin') === '1',
    checksum: columnOf(row, 'checksum'),
    encrypted: columnOf(row, 'encrypted') === '1',
    expireSeconds: Number(columnOf(row, 'expires')),
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
    owned: parseGtidOwned(columnOf(row, 'owned')),
    executed: GtidSet.parse(columnOf(row, 'executed')),
    purged: GtidSet.parse(columnOf(row, 'purged')),
  }
}

interface Verdict extends Omit<Finding<string>, 'id'> {
  /** what a problem stops the link with */
  readonly code: ErrorCode | undefined
}

const ok = (found: string): Verdict => ({ severity: 'ok', code: undefined, found, remedy: '' })
const say = (severity: Severity, found: string, remedy: string): Verdict => {
  return { severity, code: undefined, found, remedy }
}
const problem = (code: ErrorCode, found: string, remedy: string): Verdict => {
  return { severity: 'problem', code, found, remedy }
}

const DAY_SECONDS = 86_400

const CHECKS = {
  'source.version': ({ version }) => ok(`MySQL ${version}`),
  'source.log-bin': ({ logBin }) =>
    logBin
      ? ok('log_bin is ON')
      : problem('E_SOURCE_CONFIG', 'its binary log is off', 'start it with log_bin'),
  'source.gtid-mode': ({ gtidMode }) =>
    gtidMode === 'ON'
      ? ok('gtid_mode is ON')
      : problem('E_SOURCE_CONFIG', `its gtid_mode is ${gtidMode}`, stepsToGtid(gtidMode)),
  'source.gtid-consistency': ({ gtidConsistency }) =>
    gtidConsistency === 'ON'
      ? ok('enforce_gtid_consistency is ON')
      : say(
          'warning',
          `its enforce_gtid_consistency is ${gtidConsistency}`,
          'SET PERSIST enforce_gtid_consistency = ON; gtid_mode = ON needs it',
        ),
  'source.replication-slave': ({ mayReplicate, account }) =>
    mayReplicate
      ? ok(`${account} has REPLICATION SLAVE`)
      : problem(
          'E_SOURCE_PRIVILEGE',
          `the user ${account} lacks REPLICATION SLAVE`,
          `GRANT REPLICATION SLAVE ON *.* TO ${account}`,
        ),
  'source.replication-client': ({ mayAskStatus, account }) =>
    mayAskStatus
      ? ok(`${account} has REPLICATION CLIENT`)
      : say(
          'warning',
          `the user ${account} lacks REPLICATION CLIENT: how far the source is ahead is not shown`,
          `GRANT REPLICATION CLIENT ON *.* TO ${account}`,
        ),
  'source.server-uuid': ({ uuid }, self) =>
    uuid === self.uuid
      ? problem(
          'E_SOURCE_IDENTITY',
          `its server_uuid ${uuid} is the one that kingbus uses towards it`,
          'set another source.server-uuid, and see that the address is not that of kingbus itself',
        )
      : ok(uuid),
  'source.server-id': ({ serverId }, self) =>
    serverId === self.serverId
      ? problem(
          'E_SOURCE_IDENTITY',
          `its server_id ${serverId} is the one that kingbus uses towards it`,
          'set another source.server-id',
        )
      : ok(String(serverId)),
  'source.binlog-checksum': ({ checksum }) =>
    checksum === 'CRC32'
      ? ok('binlog_checksum is CRC32')
      : say(
          'warning',
          `its binlog_checksum is ${checksum}: damage on the way is not noticed`,
          'SET PERSIST binlog_checksum = CRC32',
        ),
  'source.binlog-encryption': ({ encrypted }) =>
    encrypted
      ? say(
          'note',
          'its binlog is encrypted on its disk; events arrive as plain bytes and are stored so',
          'keep the data directory on an encrypted file system',
        )
      : ok('binlog_encryption is OFF'),
  'source.binlog-expiry': ({ expireSeconds }) =>
    expireSeconds > 0 && expireSeconds < DAY_SECONDS
      ? say(
          'note',
          `it purges its binlog after ${expireSeconds} s: a longer absence of kingbus leaves a gap`,
          'SET PERSIST binlog_expire_logs_seconds to more than the longest absence',
        )
      : ok(expiryWords(expireSeconds)),
} as const satisfies Record<string, (profile: SourceProfile, self: ReplicaSelf) => Verdict>

export type PreflightId = keyof typeof CHECKS
export type PreflightFinding = Finding<PreflightId> & Verdict
const IDS = Object.keys(CHECKS) as readonly PreflightId[]

/** Everything that is looked at before the binlog is read, whether it is well or not. */
export function findingsOf(profile: SourceProfile, self: ReplicaSelf): PreflightFinding[] {
  return IDS.map((id) => ({ id, ...CHECKS[id](profile, self) }))
}

/** @throws OperationalError for the first finding that is a problem */
export function refuseProblems(findings: readonly PreflightFinding[], address: string): void {
  const worst = findings.find(({ severity }) => severity === 'problem')
  if (worst === undefined) return
  throw new OperationalError(
    worst.code ?? 'E_SOURCE_CONFIG',
    `source ${address}: ${worst.found}; ${worst.remedy}`,
    { source: address },
  )
}

const GTID_STEPS = ['OFF', 'OFF_PERMISSIVE', 'ON_PERMISSIVE', 'ON'] as const

/** MySQL changes gtid_mode by one step at a time. */
function stepsToGtid(mode: string): string {
  const missing = GTID_STEPS.slice(GTID_STEPS.findIndex((step) => step === mode) + 1)
  const steps = missing.map((step) => `SET PERSIST gtid_mode = ${step}`)
  return (
    `SET PERSIST enforce_gtid_consistency = ON; ${steps.join('; ')} (before the last, wait until ` +
    'Ongoing_anonymous_transaction_count is 0; then FLUSH BINARY LOGS)'
  )
}

function expiryWords(seconds: number): string {
  if (seconds === 0) return 'it never purges its binlog by itself'
  return `it keeps its binlog for ${(seconds / DAY_SECONDS).toFixed(1)} days`
}

function accountName(currentUser: string): string {
  const at = currentUser.lastIndexOf('@')
  return `'${currentUser.slice(0, at)}'@'${currentUser.slice(at + 1)}'`
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

/** Grants on all databases, also through roles that are active, as SHOW GRANTS lists them. */
function hasGrant(grants: ReadonlyArray<string | null>, privilege: string): boolean {
  return grants.some((grant) => {
    const listed = /^GRANT (.*) ON \*\.\* TO /.exec(grant ?? '')?.[1]?.split(', ') ?? []
    return listed.includes('ALL PRIVILEGES') || listed.includes(privilege)
  })
}
