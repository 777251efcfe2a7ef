/*
  Is this server one whose binlog can be kept, and may we? Asked at every connect, and by `kingbus doctor`,
  which shows all of it. What is looked at is read by the source's flavor (flavor/).
*/
import { type ErrorCode, OperationalError } from '../lib/index.ts'
import type { Flavor } from '../mysql/index.ts'
import { type Finding, remedyFor, type Severity } from './finding.ts'
import type { ReplicaSelf } from './source-address.ts'

/** What a source says of itself. */
export interface SourceProfile {
  readonly flavor: Flavor
  readonly version: string
  /** the account that we are there, as statements write it: `'repl'@'%'` */
  readonly account: string
  /** its server_uuid; of MariaDB, which has none, one made of its server_id */
  readonly uuid: string
  readonly serverId: number
  /** always ON of MariaDB, as the next one: every transaction has a GTID there */
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
const EVERY_GTID = 'MariaDB gives every transaction a GTID'
const FLAVOR_NAMES: Readonly<Record<Flavor, string>> = { mysql: 'MySQL', mariadb: 'MariaDB' }

const ENCRYPTED: Readonly<Record<Flavor, Verdict>> = {
  mysql: say(
    'note',
    'its binlog is encrypted on its disk; events arrive as plain bytes and are stored so',
    'keep the data directory on an encrypted file system',
  ),
  mariadb: problem(
    'E_SOURCE_CONFIG',
    'its binlog is encrypted (encrypt_binlog), and MariaDB sends such files with gaps',
    'start it with encrypt_binlog = OFF',
  ),
}

const CHECKS = {
  'source.version': ({ flavor, version }) => ok(`${FLAVOR_NAMES[flavor]} ${version}`),
  'source.log-bin': ({ logBin }) =>
    logBin
      ? ok('log_bin is ON')
      : problem('E_SOURCE_CONFIG', 'its binary log is off', 'start it with log_bin'),
  'source.gtid-mode': ({ flavor, gtidMode }) =>
    gtidMode === 'ON'
      ? ok(flavor === 'mariadb' ? EVERY_GTID : 'gtid_mode is ON')
      : problem('E_SOURCE_CONFIG', `its gtid_mode is ${gtidMode}`, stepsToGtid(gtidMode)),
  'source.gtid-consistency': ({ flavor, gtidConsistency }) =>
    gtidConsistency === 'ON'
      ? ok(flavor === 'mariadb' ? EVERY_GTID : 'enforce_gtid_consistency is ON')
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
  'source.binlog-encryption': ({ flavor, encrypted }) =>
    encrypted ? ENCRYPTED[flavor] : ok('binlog_encryption is OFF'),
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
  return IDS.map((id) => {
    const verdict = CHECKS[id](profile, self)
    return { id, ...verdict, remedy: remedyFor(profile.flavor, verdict.remedy) }
  })
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
