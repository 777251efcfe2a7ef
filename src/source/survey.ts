/*
  Everything that `kingbus doctor` wants to know of a source, beyond what every connect asks. It only reads, on
  connections that no dump of ours waits for: some of these statements wait for locks of the source.
*/
import { OperationalError } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import { findOldest, findOldestReadable } from './examine.ts'
import { recognize } from './flavor/recognize.ts'
import type { SourceFlavor } from './flavor/source-flavor.ts'
import { readPairs } from './flavor/source-variables.ts'
import { examinerOf, type SourceOptions } from './open-dump.ts'
import { findingsOf, type PreflightFinding, type SourceProfile } from './preflight.ts'
import { readIsReplica, rowsOf } from './replication-status.ts'
import { columnOf, type Row, SourceConnection } from './source-connection.ts'

const US_PER_MS = 1000

export interface SourceSurvey {
  readonly profile: SourceProfile
  readonly preflight: readonly PreflightFinding[]
  /** from the first packet sent to the login, milliseconds */
  readonly loginMs: number
  /** `TLSv1.3`; empty where the connection is not under TLS */
  readonly tlsVersion: string
  /** global variables by name; those that the source does not have are absent */
  readonly variables: ReadonlyMap<string, string>
  readonly executed: GtidSet
  readonly purged: GtidSet
  /** how far the source's clock is ahead of ours, milliseconds, and how exact that is */
  readonly clockAheadMs: number
  readonly clockExactMs: number
  /** its binlog files, oldest first; undefined where they may not be listed */
  readonly binlogs: ReadonlyArray<{ readonly name: string; readonly size: number }> | undefined
  /** who is registered as its replica; undefined where that may not be asked */
  readonly replicas: ReadonlyArray<{ readonly serverId: number; readonly uuid: string }> | undefined
  /** the source is a replica itself; undefined where that may not be asked */
  readonly isReplica: boolean | undefined
  /**
   * its oldest file, and the oldest whose transactions have GTIDs, or why a dump is refused; undefined where
   * none may be asked for
   */
  readonly files:
    | { readonly oldest: string; readonly readable: string }
    | OperationalError
    | undefined
}

/** @throws OperationalError with the codes E_SOURCE_*, ProtocolError */
export async function surveySource(
  options: Omit<SourceOptions, 'startAt' | 'semiSync'>,
  signal: AbortSignal,
): Promise<SourceSurvey> {
  const { address, self, limits, clock } = options
  const begun = clock.monotonicMs()
  const connection = await SourceConnection.open(address, limits, signal)
  try {
    const loginMs = clock.monotonicMs() - begun
    const { profile, flavor } = await recognize(connection)
    const preflight = findingsOf(profile, self)
    const history = await flavor.readHistory(connection)
    const refused = preflight.some(({ severity }) => severity === 'problem')
    return {
      profile,
      preflight,
      loginMs,
      tlsVersion:
        (await readPairs(connection, "SHOW STATUS LIKE 'Ssl_version'")).get('Ssl_version') ?? '',
      variables: await readPairs(connection, 'SHOW GLOBAL VARIABLES'),
      executed: history.executed,
      purged: history.purged,
      ...(await compareClocks(connection, options)),
      replicas: (await rowsOf(connection, 'SHOW REPLICAS', 'SHOW SLAVE HOSTS'))?.map(replicaOf),
      isReplica: await readIsReplica(connection),
      files: refused ? undefined : await examineFiles(options, flavor, signal),
      binlogs: (await rowsOf(connection, 'SHOW BINARY LOGS'))?.map(binlogOf),
    }
  } finally {
    connection.close()
  }
}

/** The source's clock was read some time between sending and receiving; the middle is the best guess. */
async function compareClocks(
  connection: SourceConnection,
  { clock }: Pick<SourceOptions, 'clock'>,
): Promise<Pick<SourceSurvey, 'clockAheadMs' | 'clockExactMs'>> {
  const sentMs = clock.nowMs()
  const row = await connection.queryRow(
    `SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED) AS micros`,
  )
  const receivedMs = clock.nowMs()
  const theirsMs = Number(columnOf(row, 'micros')) / US_PER_MS
  return {
    clockAheadMs: theirsMs - (sentMs + receivedMs) / 2,
    clockExactMs: (receivedMs - sentMs) / 2,
  }
}

async function examineFiles(
  options: Omit<SourceOptions, 'startAt' | 'semiSync'>,
  flavor: SourceFlavor,
  signal: AbortSignal,
): Promise<SourceSurvey['files']> {
  const examiner = examinerOf(options, flavor, signal)
  try {
    const { file: oldest } = await findOldest(examiner)
    const { file: readable } = await findOldestReadable(examiner)
    return { oldest, readable }
  } catch (error) {
    if (error instanceof OperationalError) return error
    throw error
  }
}

function binlogOf(row: Row): { name: string; size: number } {
  return { name: columnOf(row, 'Log_name'), size: Number(row['File_size']) }
}

function replicaOf(row: Row): { serverId: number; uuid: string } {
  const uuid = row['Replica_UUID'] ?? row['Slave_UUID'] ?? ''
  return { serverId: Number(row['Server_Id'] ?? row['Server_id']), uuid: uuid.toLowerCase() }
}
