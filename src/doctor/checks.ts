/*
  Every check by its name, with why it matters to whoever runs Kingbus. docs/reference/doctor.md is made from it.
*/
import type { FailureId, Finding, PreflightId } from '../source/index.ts'

const SOURCE_CHECKS = {
  'source.reach': 'Kingbus connects to the source by TCP, and again by itself whenever that breaks',
  'source.tls': 'without TLS, whoever is on the way can read the whole binlog',
  'source.login': 'Kingbus logs in as a replica does',
  'source.version':
    'MySQL 8.0 and MariaDB 10.6 are the oldest whose binlogs are understood; tests run against 9.7 and 10.11',
  'source.log-bin': 'without a binary log there is nothing to keep',
  'source.gtid-mode':
    'Kingbus knows by GTIDs alone what it holds, and replicas find their place by them',
  'source.gtid-consistency': 'statements that GTIDs cannot stand for are refused by it',
  'source.replication-slave': 'the privilege to read the binlog; no other is needed for that',
  'source.replication-client':
    'the privilege to ask how far the binlog is, for the lag in the status',
  'source.server-uuid': 'a source refuses a replica that has its own server_uuid',
  'source.server-id': 'a source sends a replica nothing that has the replica’s own server_id',
  'source.other-replicas': 'of two replicas with one identity the source throws out the older',
  'source.binlog-checksum':
    'the CRC32 of each event is checked on arrival, on the disk and by replicas',
  'source.binlog-encryption': 'encryption ends at the source’s disk; Kingbus stores what is sent',
  'source.binlog-expiry': 'what the source purges before Kingbus has read it is lost to Kingbus',
  'source.binlog-format':
    'row events say what changed; statements may do something else at a replica',
  'source.compression':
    'compressed transactions are kept as they are; some clients cannot read them',
  'source.tagged-gtids': 'clients and servers from before MySQL 8.3 do not know GTIDs with a tag',
  'source.durability':
    'a source that loses the end of its binlog in a crash has less than Kingbus and its replicas',
  'source.binlogs': 'a first start with start-at oldest reads and stores all of it',
  'source.purged': 'the oldest file does not begin with the first transaction ever',
  'source.anonymous': 'files from before GTIDs cannot be read with them, so they are left out',
  'source.net-write-timeout':
    'the source ends a dump that is not read for so long, as when a disk is slow',
  'source.semi-sync': 'with semi-sync a commit waits until a replica says that it has it',
  'source.clock': 'lag is the difference of two clocks; retention by age goes by the source’s',
  'source.read-only': 'a server that is read-only may be a replica that was meant to stay one',
  'source.is-replica':
    'what the source replicates is in its own binlog only with log_replica_updates',
} as const satisfies Record<PreflightId | FailureId, string> & Record<string, string>

/** Why each check is made. */
export const CHECKS = {
  'source.url': 'without a source only what is stored already is served',
  ...SOURCE_CHECKS,
  'data-dir': 'everything that is kept lies there, with rights for its owner alone',
  'data-dir.cluster':
    'a node that is alone takes records that a cluster lacks, and a cluster has no use for those',
  'data-dir.in-use': 'one process at a time may write a data directory',
  'disk.file-system': 'what fdatasync has confirmed must survive a power cut',
  'disk.space': 'Kingbus stops reading from the source while less than disk.min-free is free',
  'disk.speed':
    'every transaction is durable before it is shown or acknowledged: one fdatasync each',
  retention: 'without a bound the binlogs fill the disk, and reading stops',
  'open-files': 'each connection takes a file, and each dump another',
  memory: 'a node needs less than 200 MiB, whatever the size of a transaction',
  'node.version': 'the versions of Node.js that Kingbus is tested with',
  'serve.listen': 'replicas connect there',
  'admin.listen': 'the commands, the metrics and the health checks use it',
  'serve.certificate': 'replicas that verify the certificate refuse one that is not valid',
  'admin.certificate': 'callers of the HTTP API verify it',
  secrets: 'passwords and tokens come from files that only their owner can read',
  users: 'only those in the users file can log in as a replica',
  'log.level': 'debug writes several lines per connection',
} as const satisfies Record<string, string>

export type CheckId = keyof typeof CHECKS
export type DoctorFinding = Finding<CheckId>

type Judge = (id: CheckId, found: string, remedy: string) => DoctorFinding

export const ok = (id: CheckId, found: string): DoctorFinding => {
  return { id, severity: 'ok', found, remedy: '' }
}
export const note: Judge = (id, found, remedy) => ({ id, severity: 'note', found, remedy })
export const warning: Judge = (id, found, remedy) => ({ id, severity: 'warning', found, remedy })
export const problem: Judge = (id, found, remedy) => ({ id, severity: 'problem', found, remedy })
