import type { ReplicaSelf } from './source-address.ts'
import type { SourceConnection } from './source-connection.ts'

const NANOSECONDS_PER_MS = 1_000_000n
/** A MariaDB source that does not hear it sends its GTID events as something else. */
const MARIADB_CAPABILITY_GTID = 4

/**
 * Says what a replica says before it asks for a dump, under the old names and the new ones.
 * @param heartbeatMs longest silence; 0 asks for no heartbeats
 */
export async function introduce(
  connection: SourceConnection,
  uuid: ReplicaSelf['uuid'],
  heartbeatMs: number,
): Promise<void> {
  const period = BigInt(heartbeatMs) * NANOSECONDS_PER_MS
  await connection.query(
    `SET @master_heartbeat_period = ${period}, @source_heartbeat_period = ${period}, ` +
      "@master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32', " +
      `@slave_uuid = '${uuid}', @replica_uuid = '${uuid}', ` +
      `@mariadb_slave_capability = ${MARIADB_CAPABILITY_GTID}`,
  )
}
