/*
  What is said of a source that lets us in: the preflight's own findings, and what its settings mean here.
*/
import type { SourceUrl } from '../config/index.ts'
import { isLoopback } from '../config/index.ts'
import type { SourceSurvey } from '../source/index.ts'
import { type DoctorFinding, note, ok, warning } from './checks.ts'

const CLOCK_MS_MOST = 1000
const WRITE_TIMEOUT_SECONDS_LEAST = 10

/** @param wantsSemiSync source.semi-sync */
export function sourceFindings(
  survey: SourceSurvey,
  url: SourceUrl,
  wantsSemiSync: boolean,
): DoctorFinding[] {
  return [
    ok('source.reach', `${url.host}:${url.port} lets us in within ${survey.loginMs.toFixed(0)} ms`),
    checkTls(survey, url),
    ok('source.login', `as ${survey.profile.account}`),
    ...survey.preflight,
    checkFormat(survey),
    checkCompression(survey),
    checkTags(survey),
    checkDurability(survey),
    checkWriteTimeout(survey),
    checkSemiSync(survey, wantsSemiSync),
    checkClock(survey),
    checkReadOnly(survey),
    checkIsReplica(survey),
  ]
}

function checkTls({ tlsVersion, profile }: SourceSurvey, url: SourceUrl): DoctorFinding {
  if (tlsVersion !== '') return ok('source.tls', tlsVersion)
  if (isLoopback(url)) return ok('source.tls', 'none, and the source is on this machine')
  return warning(
    'source.tls',
    'the connection is not under TLS',
    `set source.tls = required; ALTER USER ${profile.account} REQUIRE SSL on the source`,
  )
}

function checkFormat({ variables }: SourceSurvey): DoctorFinding {
  const id = 'source.binlog-format'
  const format = variables.get('binlog_format') ?? 'ROW'
  if (format === 'ROW') return ok(id, 'ROW')
  return note(
    id,
    `binlog_format is ${format}: kept and passed on as it is`,
    'SET PERSIST binlog_format = ROW, unless statements are wanted',
  )
}

function checkCompression({ variables }: SourceSurvey): DoctorFinding {
  const id = 'source.compression'
  if (variables.get('binlog_transaction_compression') !== 'ON') {
    return ok(id, 'binlog_transaction_compression is OFF')
  }
  return note(
    id,
    'binlog_transaction_compression is ON',
    'see that clients which are no MySQL servers know TRANSACTION_PAYLOAD events (MySQL 8.0.20)',
  )
}

function checkTags({ executed }: SourceSurvey): DoctorFinding {
  const id = 'source.tagged-gtids'
  if (!executed.hasTags) return ok(id, 'none')
  return note(
    id,
    'gtid_executed has GTIDs with a tag',
    'see that every replica and client knows them (MySQL 8.3)',
  )
}

function checkDurability({ variables }: SourceSurvey): DoctorFinding {
  const id = 'source.durability'
  const sync = variables.get('sync_binlog') ?? '1'
  const flush = variables.get('innodb_flush_log_at_trx_commit') ?? '1'
  const found = `sync_binlog is ${sync}, innodb_flush_log_at_trx_commit is ${flush}`
  if (sync === '1' && flush === '1') return ok(id, found)
  return warning(
    id,
    found,
    'SET PERSIST sync_binlog = 1; SET PERSIST innodb_flush_log_at_trx_commit = 1',
  )
}

function checkWriteTimeout({ variables }: SourceSurvey): DoctorFinding {
  const id = 'source.net-write-timeout'
  const seconds = Number(variables.get('net_write_timeout') ?? 60)
  if (seconds >= WRITE_TIMEOUT_SECONDS_LEAST) return ok(id, `${seconds} s`)
  return note(
    id,
    `net_write_timeout is ${seconds} s: a short pause of ours costs the connection`,
    'SET PERSIST net_write_timeout = 60',
  )
}

const MARIADB_SEMI_SYNC = 'SET GLOBAL rpl_semi_sync_master_enabled = ON'

function checkSemiSync({ profile, variables }: SourceSurvey, isWanted: boolean): DoctorFinding {
  const id = 'source.semi-sync'
  const enabled =
    variables.get('rpl_semi_sync_source_enabled') ?? variables.get('rpl_semi_sync_master_enabled')
  if (enabled !== 'ON') {
    const state = enabled === undefined ? 'not loaded' : 'loaded and off'
    const found = `its plugin is ${state}: commits wait for nobody`
    if (!isWanted) return ok(id, found)
    if (profile.flavor === 'mariadb') {
      return warning(id, `source.semi-sync is true, and ${found}`, MARIADB_SEMI_SYNC)
    }
    const on = 'SET PERSIST rpl_semi_sync_source_enabled = ON'
    const install = "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'"
    const remedy = enabled === undefined ? `${install}; ${on}` : on
    return warning(id, `source.semi-sync is true, and ${found}`, remedy)
  }
  const timeout =
    variables.get('rpl_semi_sync_source_timeout') ?? variables.get('rpl_semi_sync_master_timeout')
  if (isWanted) return ok(id, `commits wait up to ${timeout} ms for us`)
  return note(
    id,
    `commits wait up to ${timeout} ms for an acknowledgement`,
    'see that a semi-synchronous replica is always connected, or commits wait that long once',
  )
}

function checkClock({ clockAheadMs, clockExactMs }: SourceSurvey): DoctorFinding {
  const id = 'source.clock'
  const exact = `(to ${clockExactMs.toFixed(0)} ms)`
  const far = Math.abs(clockAheadMs)
  if (far <= CLOCK_MS_MOST + clockExactMs) return ok(id, `${far.toFixed(0)} ms apart ${exact}`)
  const where = clockAheadMs > 0 ? 'ahead of' : 'behind'
  return warning(
    id,
    `the source's clock is ${(far / 1000).toFixed(1)} s ${where} this machine's ${exact}`,
    'set both by NTP (chronyc tracking, timedatectl status)',
  )
}

function checkReadOnly({ variables }: SourceSurvey): DoctorFinding {
  const id = 'source.read-only'
  if (variables.get('super_read_only') !== 'ON' && variables.get('read_only') !== 'ON') {
    return ok(id, 'it takes writes')
  }
  return note(id, 'the source is read-only', 'see that source.url is the server you mean')
}

function checkIsReplica({ variables, isReplica, profile }: SourceSurvey): DoctorFinding {
  const id = 'source.is-replica'
  if (isReplica === undefined) {
    const grant = `GRANT REPLICATION CLIENT ON *.* TO ${profile.account}`
    return note(id, 'may not be asked', grant)
  }
  if (!isReplica) return ok(id, 'no')
  const logs = variables.get('log_replica_updates') ?? variables.get('log_slave_updates')
  if (logs !== 'OFF') return ok(id, 'it is a replica, and writes what it replicates to its binlog')
  return warning(
    id,
    'it is a replica, and what it replicates is not in its binlog',
    'start it with log_replica_updates, or follow its source',
  )
}
