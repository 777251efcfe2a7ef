import { DISK_STATES, NODE_ROLES, SOURCE_STATES, type Status } from '../admin/index.ts'
import type { Samples } from '../observe/index.ts'
import type { FileInfo } from '../store/index.ts'
import type { NodeParts } from './build.ts'
import type { SourceParts } from './source/source-runner.ts'

/** The status as metrics. */
export function samplesOf(node: {
  readonly status: Status
  readonly files: readonly FileInfo[]
  readonly parts: Pick<
    NodeParts,
    | 'source'
    | 'users'
    | 'server'
    | 'cluster'
    | 'scrub'
    | 'repairs'
    | 'store'
    | 'diskFigures'
    | 'retention'
    | 'replicaWait'
    | 'failover'
    | 'openFiles'
  >
}): Samples {
  const { status, files, parts } = node
  const { source, visibleEnd } = status
  const oldest = files[0]?.firstTimestamp ?? 0
  return {
    kingbus_info: [{ labels: { name: status.name, version: status.version }, value: 1 }],
    kingbus_source_state: SOURCE_STATES.map((state) => ({
      labels: { state },
      value: state === source.state ? 1 : 0,
    })),
    ...(source.lagSeconds === null ? {} : { kingbus_source_lag_seconds: source.lagSeconds }),
    ...(parts.source.current === undefined ? {} : ingestSamples(parts.source.current)),
    ...(source.semiSync.wanted && parts.source.isHere
      ? { kingbus_source_semi_sync_active: source.semiSync.active ? 1 : 0 }
      : {}),
    ...(source.semiSync.replicas === null
      ? {}
      : { kingbus_source_replica_wait_seconds: (parts.replicaWait.waitedMs ?? 0) / 1000 }),
    ...failoverSamples(parts.failover),
    kingbus_visible_position_bytes:
      visibleEnd === null
        ? []
        : [{ labels: { file: visibleEnd.file }, value: visibleEnd.position }],
    kingbus_binlog_files: status.files,
    kingbus_binlog_bytes: status.bytes,
    ...(oldest === 0 ? {} : { kingbus_oldest_event_timestamp_seconds: oldest }),
    ...clientSamples(parts.server),
    kingbus_open_files_exhausted: parts.openFiles.trouble === undefined ? 0 : 1,
    kingbus_replicas: status.replicas.length,
    kingbus_replica_lag_bytes: status.replicas.flatMap(({ lagBytes, serverId, uuid, address }) =>
      lagBytes === null
        ? []
        : [{ labels: { server_id: String(serverId), uuid: uuid ?? '', address }, value: lagBytes }],
    ),
    ...diskSamples(status.disk, parts.diskFigures),
    ...retentionSamples(status, parts.retention),
    kingbus_users: parts.users.count,
    ...checkSamples(parts),
    ...(parts.cluster === undefined ? {} : figureSamples(parts.cluster.node)),
  }
}

function failoverSamples({ view }: NodeParts['failover']): Samples {
  if (view === undefined) return {}
  return {
    kingbus_source_failovers_total: view.count,
    kingbus_source_failover_blocked: view.error === undefined ? 0 : 1,
  }
}

function diskSamples(
  { state: now, freeBytes, unsyncedBytes }: Status['disk'],
  { oldest, syncs }: NodeParts['diskFigures'],
): Samples {
  return {
    kingbus_disk_state: DISK_STATES.map((state) => ({
      labels: { state },
      value: state === now ? 1 : 0,
    })),
    kingbus_disk_free_bytes: freeBytes,
    kingbus_disk_pending_seconds: (oldest?.ageMs ?? 0) / 1000,
    kingbus_disk_sync_seconds: syncs,
    kingbus_unsynced_bytes: unsyncedBytes,
  }
}

function retentionSamples({ retention }: Status, { purgeDesk }: NodeParts['retention']): Samples {
  const { files, bytes, givenUp } = purgeDesk.counters
  return {
    kingbus_purged_files_total: files,
    kingbus_purged_bytes_total: bytes,
    kingbus_replicas_given_up_total: givenUp,
    ...(retention === null
      ? {}
      : {
          kingbus_absent_replicas: retention.absent,
          kingbus_absent_replicas_kept_bytes: retention.keptBytes,
        }),
  }
}

function checkSamples({
  scrub,
  repairs,
  store: { alarms },
}: Pick<NodeParts, 'scrub' | 'repairs' | 'store'>): Samples {
  const { lastRound } = scrub
  return {
    kingbus_scrub_bytes_total: scrub.checkedBytes,
    ...(lastRound === undefined ? {} : { kingbus_scrub_round_seconds: lastRound.tookMs / 1000 }),
    kingbus_file_alarms: [
      { labels: { kind: 'damaged' }, value: alarms.count('E_STORE_DAMAGED') },
      { labels: { kind: 'differs' }, value: alarms.count('E_COPIES_DIFFER') },
    ],
    kingbus_file_alarms_total: alarms.raised,
    kingbus_repaired_files_total: repairs.repairedFiles,
  }
}

function figureSamples({ figures }: NonNullable<NodeParts['cluster']>['node']): Samples {
  if (figures === undefined) return { kingbus_cluster_leads: 0 }
  const { epoch, committed, end, led } = figures
  return {
    kingbus_cluster_leads: led === undefined ? 0 : 1,
    kingbus_cluster_epoch: epoch,
    kingbus_cluster_committed_sequence: committed,
    kingbus_cluster_end_sequence: end,
    ...(led === undefined
      ? {}
      : {
          kingbus_cluster_nodes: NODE_ROLES.map((role) => ({
            labels: { role },
            value: led.roles.get(role) ?? 0,
          })),
          kingbus_cluster_peer_lag_records: [...led.lags].map(([node, value]) => ({
            labels: { node },
            value,
          })),
        }),
  }
}

function clientSamples({ counts }: NodeParts['server']): Samples {
  return {
    kingbus_client_connections_total: counts.connections,
    kingbus_client_connections_refused_total: counts.refused,
    kingbus_client_connections_refused_for_files_total: counts.refusedForFiles,
    kingbus_client_logins_refused_total: counts.loginsRefused,
    kingbus_client_connections_blocked_total: counts.blocked,
    kingbus_client_faults_total: counts.faults,
    kingbus_client_timeouts_total: counts.late,
  }
}

function ingestSamples({ ingest, link }: SourceParts): Samples {
  const { bytes, connects, checksumErrors, cuts } = ingest.counters
  return {
    kingbus_source_received_bytes_total: bytes,
    kingbus_source_connects_total: connects,
    kingbus_source_checksum_errors_total: checksumErrors,
    kingbus_source_cuts_total: cuts,
    kingbus_source_acks_total: link.semiSync.acks,
    kingbus_source_unacknowledged_commits_total: link.semiSync.unacknowledged,
    kingbus_durable_seconds: ingest.durableTimes.histogram,
    kingbus_source_ack_wait_seconds_total: link.semiSync.waitSeconds,
  }
}
