import { ProtocolError, toSafeNumber } from '../../lib/index.ts'
import {
  Command,
  DumpFlag,
  decodeComBinlogDump,
  decodeComBinlogDumpGtid,
  GtidSet,
  parseMariadbPosition,
} from '../../mysql/index.ts'
import type { DumpError, DumpRequest, ReplicaIdentity } from '../dump-request.ts'
import type { ServerFacts } from '../server-facts.ts'
import { type SessionState, userVariable } from './session-state.ts'

const NANOSECONDS_PER_MS = 1e6
/** A longer heartbeat period would not fit a timer; nobody waits 24 days for one. */
const HEARTBEAT_MS_MOST = 2 ** 31 - 1

/** A longer @replica_uuid is none; it is kept for a day after its replica has left. */
const UUID_CHARACTERS_MOST = 36

/** What the client asks for with COM_BINLOG_DUMP or COM_BINLOG_DUMP_GTID, or why it cannot be had. */
export function readDumpCommand(
  payload: Buffer,
  state: SessionState,
  facts: ServerFacts,
): DumpRequest | DumpError {
  try {
    return payload[0] === Command.BINLOG_DUMP
      ? readFileDump(payload, state, facts)
      : readGtidDump(payload, state, facts)
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    return { code: 1835, sqlState: 'HY000', message: 'Malformed communication packet.' }
  }
}

function readFileDump(
  payload: Buffer,
  state: SessionState,
  facts: ServerFacts,
): DumpRequest | DumpError {
  const command = decodeComBinlogDump(payload)
  const connectState = userVariable(state, 'slave_connect_state')
  if (facts.flavor === 'mariadb' && connectState !== undefined) {
    return readMariadbDump(connectState, readSession(command, state, facts), state)
  }
  const { file, position } = command
  return { ...readSession(command, state, facts), from: { file, position }, held: undefined }
}

/** A MariaDB replica that goes by GTIDs; the file and position of its command are of no meaning. */
function readMariadbDump(
  connectState: string,
  session: Omit<DumpRequest, 'from' | 'held'>,
  state: SessionState,
): DumpRequest | DumpError {
  if ((userVariable(state, 'slave_until_gtid') ?? '') !== '') {
    const message = 'Kingbus does not know START SLAVE UNTIL master_gtid_pos'
    return { code: 1236, sqlState: 'HY000', message }
  }
  try {
    const position = parseMariadbPosition(connectState)
    return { ...session, from: undefined, held: undefined, connectState: position }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    const message =
      'Out of memory or malformed slave request when obtaining start position from GTID state'
    return { code: 1236, sqlState: 'HY000', message }
  }
}

function readGtidDump(
  payload: Buffer,
  state: SessionState,
  facts: ServerFacts,
): DumpRequest | DumpError {
  const command = decodeComBinlogDumpGtid(payload)
  const position = toSafeNumber(command.position, 'position')
  let held: GtidSet
  try {
    held = command.gtidSet.length === 0 ? GtidSet.empty() : GtidSet.decode(command.gtidSet)
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    return { code: 1773, sqlState: 'HY000', message: 'Malformed GTID set encoding.' }
  }
  const from = command.file === '' ? undefined : { file: command.file, position }
  return { ...readSession(command, state, facts), from, held }
}

/** What both commands say in the same words, and what the session's user variables say. */
function readSession(
  { flags, serverId }: { readonly flags: number; readonly serverId: number },
  state: SessionState,
  { flavor }: ServerFacts,
): Omit<DumpRequest, 'from' | 'held'> {
  // MariaDB's replicas mean something else by the flag, and know only the first version. One that comes before
  // there is anything is not known for one by what is stored.
  const isMysql =
    flavor === 'mysql' && userVariable(state, 'mariadb_slave_capability') === undefined
  const secondVersion = (flags & DumpFlag.HEARTBEAT_V2) !== 0 && isMysql
  return {
    nonBlocking: (flags & DumpFlag.NON_BLOCK) !== 0 || serverId === 0,
    heartbeatVersion: secondVersion ? 2 : 1,
    heartbeatPeriodMs: heartbeatPeriodMs(state),
    checksum: announcedChecksum(state),
    isSemiSync: isMysql && isSemiSync(state),
    replica: identityOf(state, serverId),
  }
}

export function identityOf(state: SessionState, serverId: number): ReplicaIdentity {
  const uuid = userVariable(state, 'replica_uuid', 'slave_uuid')?.toLowerCase()
  const isName = uuid !== undefined && uuid !== '' && uuid.length <= UUID_CHARACTERS_MOST
  return {
    serverId,
    uuid: isName ? uuid : undefined,
    connectionId: state.connectionId,
    user: state.user,
    address: `${state.host}:${state.port}`,
  }
}

/** Not where the protocol is compressed: an acknowledgement begins the numbers of its packets anew as well. */
function isSemiSync(state: SessionState): boolean {
  if (state.compression !== undefined) return false
  return Number(userVariable(state, 'rpl_semi_sync_replica', 'rpl_semi_sync_slave') ?? 0) !== 0
}

function heartbeatPeriodMs(state: SessionState): number {
  const asked = userVariable(state, 'source_heartbeat_period', 'master_heartbeat_period')
  const nanoseconds = Number(asked ?? 0)
  if (!(nanoseconds > 0)) return 0
  return Math.min(HEARTBEAT_MS_MOST, Math.max(1, Math.round(nanoseconds / NANOSECONDS_PER_MS)))
}

function announcedChecksum(state: SessionState): 'CRC32' | 'NONE' | undefined {
  const asked = userVariable(state, 'source_binlog_checksum', 'master_binlog_checksum')
  const name = asked?.toUpperCase()
  return name === 'CRC32' || name === 'NONE' ? name : undefined
}
