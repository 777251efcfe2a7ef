/*
  What of the source's history there is to read: how much, from where on, and whether there is time and room for it.
*/
import type { Config } from '../config/index.ts'
import { formatBytes, OperationalError } from '../lib/index.ts'
import type { ReplicaSelf, SourceSurvey } from '../source/index.ts'
import { type DoctorFinding, note, ok, warning } from './checks.ts'
import type { DataDirFacts } from './data-dir.ts'
import type { DiskSpeed } from './disk-speed.ts'

export interface HistoryParts {
  readonly config: Config
  readonly survey: SourceSurvey
  readonly self: ReplicaSelf | undefined
  readonly dataDir: DataDirFacts
  /** undefined where it could not be measured */
  readonly speed: DiskSpeed | undefined
}

export function historyFindings(parts: HistoryParts): DoctorFinding[] {
  return [
    checkBinlogs(parts),
    checkPurged(parts.survey),
    checkAnonymous(parts.survey),
    checkOtherReplicas(parts),
  ]
}

function checkBinlogs({ config, survey, dataDir, speed }: HistoryParts): DoctorFinding {
  const id = 'source.binlogs'
  const { binlogs, profile } = survey
  if (binlogs === undefined) {
    const grant = `GRANT REPLICATION CLIENT ON *.* TO ${profile.account}`
    return note(id, 'how much the source has may not be asked', grant)
  }
  const bytes = binlogs.reduce((sum, { size }) => sum + size, 0)
  const found = `${binlogs.length} files, ${formatBytes(bytes)}`
  if (dataDir.stored.length > 0) return ok(id, `${found}; ${dataDir.stored.length} are stored here`)
  if (config['source.start-at'] !== 'oldest') return ok(id, `${found}; not read from the oldest`)
  const seconds = speed === undefined ? 0 : bytes / speed.bytesPerSecond
  if (profile.expireSeconds > 0 && seconds > profile.expireSeconds) {
    return warning(
      id,
      `${found}: this disk needs ${durationOf(seconds)} for them, and the source purges its files ` +
        `after ${durationOf(profile.expireSeconds)}`,
      `SET PERSIST binlog_expire_logs_seconds = ${Math.ceil(2 * seconds)} until they are read`,
    )
  }
  const room = dataDir.space.freeBytes - dataDir.minFreeBytes
  const kept = Math.min(bytes, config['retention.max-size'] ?? bytes)
  if (kept > room) {
    return warning(
      id,
      `${found}, and the disk has room for ${formatBytes(Math.max(0, room))}: reading pauses there`,
      'make room, set retention.max-size below that, or source.start-at newest',
    )
  }
  return ok(id, `${found}, read in ${durationOf(seconds)} or more at the disk's speed`)
}

function checkPurged({ purged, variables }: SourceSurvey): DoctorFinding {
  const id = 'source.purged'
  if (purged.isEmpty) return ok(id, 'nothing was purged: its binlog is whole')
  return note(
    id,
    `${purged.count()} transactions are purged at the source, and cannot be read any more`,
    `a new replica begins with a backup or a clone of ${variables.get('hostname') ?? 'the source'}`,
  )
}

function checkAnonymous({ files }: SourceSurvey): DoctorFinding {
  const id = 'source.anonymous'
  if (files === undefined) return note(id, 'not looked at', 'first see to the problems above')
  if (files instanceof OperationalError) {
    return warning(id, files.message, 'FLUSH BINARY LOGS begins a file that can be read')
  }
  const { oldest, readable } = files
  if (oldest === readable) return ok(id, `all files from ${oldest} on have GTIDs`)
  return note(
    id,
    `the files from ${oldest} to before ${readable} hold transactions without a GTID`,
    'nothing: kingbus begins behind them; a new replica begins with a backup',
  )
}

function checkOtherReplicas({ survey, self, dataDir }: HistoryParts): DoctorFinding {
  const id = 'source.other-replicas'
  const { replicas, profile } = survey
  if (replicas === undefined) {
    return note(id, 'may not be asked', `GRANT REPLICATION SLAVE ON *.* TO ${profile.account}`)
  }
  const same = replicas.find(
    ({ serverId, uuid }) => serverId === self?.serverId || uuid === self?.uuid,
  )
  if (same === undefined || dataDir.inUse) {
    return ok(id, `${replicas.length} replicas are registered there`)
  }
  return warning(
    id,
    `a replica with our server_id or server_uuid is registered: ${same.serverId}, ${same.uuid}`,
    'set another source.server-id and source.server-uuid, or end that replica',
  )
}

const UNITS: ReadonlyArray<readonly [string, number]> = [
  ['days', 86_400],
  ['hours', 3600],
  ['minutes', 60],
]

function durationOf(seconds: number): string {
  const [unit, size] = UNITS.find(([, atLeast]) => seconds >= atLeast) ?? ['s', 1]
  return `${(seconds / size).toFixed(1)} ${unit}`
}
