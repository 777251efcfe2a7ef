/*
  Every metric that Kingbus has of itself. docs/reference/metrics.md is compared with this table by a test.
  Beside these there are the process_* and nodejs_* metrics that prom-client gives by default.
*/
export interface MetricSpec {
  readonly kind: 'gauge' | 'counter' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

const gauge = (help: string, labels: readonly string[] = []): MetricSpec => ({
  kind: 'gauge',
  labels,
  help,
})

const counter = (help: string): MetricSpec => ({ kind: 'counter', labels: [], help })

const histogram = (help: string): MetricSpec => ({ kind: 'histogram', labels: [], help })

export const METRICS = {
  kingbus_info: gauge('1, with the version and the name of the node', ['version', 'name']),
  kingbus_source_state: gauge('1 for the state the link to the source is in, 0 for the others', [
    'state',
  ]),
  kingbus_source_lag_seconds: gauge(
    'Age of what was received last while the source has more, 0 when nothing is missing; absent when unknown',
  ),
  kingbus_source_received_bytes_total: counter('Bytes of binlog received since the start'),
  kingbus_source_connects_total: counter('Dumps from the source that began since the start'),
  kingbus_source_checksum_errors_total: counter(
    'Events from the source whose checksum was wrong since the start; each was read again',
  ),
  kingbus_source_cuts_total: counter(
    'Half transactions that were given up and read again since the start',
  ),
  kingbus_source_acks_total: counter(
    'Semi-sync acknowledgements sent to the source since the start; one may cover many transactions',
  ),
  kingbus_source_ack_wait_seconds_total: counter(
    'Time from the arrival of what an acknowledgement covers until it was sent, summed over all',
  ),
  kingbus_source_semi_sync_active: gauge(
    '1 while commits on the source wait for this node, 0 while they do not; absent without source.semi-sync, and ' +
      'on a node that does not follow the source',
  ),
  kingbus_source_unacknowledged_commits_total: counter(
    'Commits that the source went on with unacknowledged since it was first asked, by its own count',
  ),
  kingbus_source_replica_wait_seconds: gauge(
    'How long a commit has been waiting for semi-sync replicas alone, 0 while none does; absent without ' +
      'serve.wait-for-replicas',
  ),
  kingbus_source_failovers_total: counter(
    'How often one of source.candidates was followed by itself since the start',
  ),
  kingbus_source_failover_blocked: gauge(
    '1 while the source has been unreachable for source.failover-after and no candidate is followed, else 0; ' +
      'absent without source.candidates',
  ),
  kingbus_visible_position_bytes: gauge('Position of the visible end in its file', ['file']),
  kingbus_binlog_files: gauge('Binlog files that are kept'),
  kingbus_binlog_bytes: gauge('Bytes of all binlog files that are kept'),
  kingbus_oldest_event_timestamp_seconds: gauge(
    'Time of the first event of the oldest file, seconds since 1970; absent when there is none',
  ),
  kingbus_client_connections_total: counter('Connections to the replication port since the start'),
  kingbus_client_connections_refused_total: counter(
    'Connections beyond the limits since the start; each was told error 1040 or closed',
  ),
  kingbus_client_connections_refused_for_files_total: counter(
    'Of those, the ones refused because few more files may be open (LimitNOFILE): the last ones are left to the binlog',
  ),
  kingbus_open_files_exhausted: gauge(
    '1 while no file can be opened, and new connections are closed by the system without a word',
  ),
  kingbus_client_logins_refused_total: counter(
    'Clients that were not let in since the start: wrong password, unknown user, no TLS or certificate',
  ),
  kingbus_client_connections_blocked_total: counter(
    'Connections of hosts with too many refused logins since the start; each was told error 1129',
  ),
  kingbus_client_faults_total: counter(
    'Connections that were closed since the start for bytes that break the protocol',
  ),
  kingbus_client_timeouts_total: counter(
    'Connections that were closed since the start because the client took too long',
  ),
  kingbus_replicas: gauge('Dumps that are connected'),
  kingbus_replica_lag_bytes: gauge(
    'Bytes between where the dump of a replica stands and the visible end',
    ['server_id', 'uuid', 'address'],
  ),
  kingbus_scrub_bytes_total: counter(
    'Bytes of stored files and their indexes that the background check has read since the start',
  ),
  kingbus_scrub_round_seconds: gauge(
    'How long the last round of the background check took; absent before its end, and when scrub.rate is off',
  ),
  kingbus_file_alarms: gauge(
    'Ranges of stored files and indexes in which this copy is not what was stored (damaged), or is and another ' +
      'than that of the leader (differs)',
    ['kind'],
  ),
  kingbus_file_alarms_total: counter(
    'Such ranges found since the start, those too that were repaired',
  ),
  kingbus_repaired_files_total: counter(
    'Damaged files and indexes that were repaired since the start',
  ),
  kingbus_durable_seconds: histogram(
    'Time from the receipt of a piece of the binlog until it is durable, in a cluster on all nodes that count',
  ),
  kingbus_unsynced_bytes: gauge(
    'Bytes of binlog that are received and written, and not durable on this node yet',
  ),
  kingbus_disk_state: gauge(
    '1 for the state the disk of the data directory is in, 0 for the others',
    ['state'],
  ),
  kingbus_disk_sync_seconds: histogram('Time that each fdatasync took'),
  kingbus_disk_pending_seconds: gauge(
    'Time for which the disk has not answered what it was asked first; 0 while it has answered all',
  ),
  kingbus_purged_files_total: counter(
    'Binlog files that this node has removed since the start, by retention or by command; in a cluster the node ' +
      'that leads decides, and the others follow uncounted',
  ),
  kingbus_purged_bytes_total: counter('Bytes of these files'),
  kingbus_replicas_given_up_total: counter(
    'Replicas that were away when files were removed that they needed, since the start: they cannot go on',
  ),
  kingbus_absent_replicas: gauge(
    'Replicas that are away and that files are kept for; this and what follows only on the node that leads, or ' +
      'is alone',
  ),
  kingbus_absent_replicas_kept_bytes: gauge(
    'Bytes that stay for them although retention.max-size or retention.max-age would let them go',
  ),
  kingbus_disk_free_bytes: gauge('Bytes free on the disk of the data directory'),
  kingbus_users: gauge('Users who may connect to the replication port'),
  kingbus_cluster_leads: gauge(
    '1 on the node that leads, 0 on the others; absent on a node that is alone',
  ),
  kingbus_cluster_epoch: gauge(
    'One more with every change of the leader; this and what follows are absent while the node takes no part',
  ),
  kingbus_cluster_committed_sequence: gauge(
    'Sequence of the last record that will never be undone, as far as this node knows',
  ),
  kingbus_cluster_end_sequence: gauge('Sequence of the last record that is durable on this node'),
  kingbus_cluster_nodes: gauge(
    'Nodes by role, the leader among them; on the node that leads only',
    ['role'],
  ),
  kingbus_cluster_peer_lag_records: gauge(
    'Records that a node which follows has not made durable yet; on the node that leads only',
    ['node'],
  ),
} as const satisfies Record<string, MetricSpec>

export type MetricName = keyof typeof METRICS
