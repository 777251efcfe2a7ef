import type { Column } from '../../../mysql/index.ts'
import type { SourceView } from '../../administration.ts'
import { hasRight } from '../../session/session-state.ts'
import { type Answer, countColumn, nameColumn, rows, shortCountColumn } from '../answer.ts'
import type { Cursor } from '../cursor.ts'
import type { Scope } from '../scope.ts'
import { accessDenied } from '../sql-error.ts'
import { passChannel } from './channel.ts'

/*
  Columns of SHOW REPLICA STATUS in MySQL's order, each with its type (t text, n number, l large number, ? may be
  NULL, although MySQL's columns do not say so). SHOW SLAVE STATUS has the same with the older words in their names.
*/
const COLUMNS = `
  Replica_IO_State:t Source_Host:t Source_User:t Source_Port:n Connect_Retry:n Source_Log_File:t
  Read_Source_Log_Pos:l Relay_Log_File:t Relay_Log_Pos:l Relay_Source_Log_File:t Replica_IO_Running:t
  Replica_SQL_Running:t Replicate_Do_DB:t Replicate_Ignore_DB:t Replicate_Do_Table:t
  Replicate_Ignore_Table:t Replicate_Wild_Do_Table:t Replicate_Wild_Ignore_Table:t Last_Errno:n
  Last_Error:t Skip_Counter:n Exec_Source_Log_Pos:l Relay_Log_Space:l Until_Condition:t
  Until_Log_File:t Until_Log_Pos:l Source_SSL_Allowed:t Source_SSL_CA_File:t Source_SSL_CA_Path:t
  Source_SSL_Cert:t Source_SSL_Cipher:t Source_SSL_Key:t Seconds_Behind_Source:l?
  Source_SSL_Verify_Server_Cert:t Last_IO_Errno:n Last_IO_Error:t Last_SQL_Errno:n Last_SQL_Error:t
  Replicate_Ignore_Server_Ids:t Source_Server_Id:n Source_UUID:t Source_Info_File:t SQL_Delay:n
  SQL_Remaining_Delay:n? Replica_SQL_Running_State:t Source_Retry_Count:l Source_Bind:t
  Last_IO_Error_Timestamp:t Last_SQL_Error_Timestamp:t Source_SSL_Crl:t Source_SSL_Crlpath:t
  Retrieved_Gtid_Set:t Executed_Gtid_Set:t Auto_Position:n Replicate_Rewrite_DB:t Channel_Name:t
  Source_TLS_Version:t Source_public_key_path:t Get_Source_public_key:n Network_Namespace:t`
  .trim()
  .split(/\s+/)
  .map((each) => each.split(':') as [string, string])

const TEXT_CHARACTERS = 255

/** What MySQL's replica says of its connection in these states, and whether its thread runs. */
const IO_STATES: Readonly<Record<SourceView['state'], readonly [state: string, runs: string]>> = {
  streaming: ['Waiting for source to send event', 'Yes'],
  connecting: ['Connecting to source', 'Connecting'],
  waiting: ['Reconnecting after a failed source event read', 'Connecting'],
  paused: ['Waiting for the replica SQL thread to free enough relay log space', 'Yes'],
  follower: ['Connecting to source', 'Connecting'],
  stopped: ['', 'No'],
  failed: ['', 'No'],
  unconfigured: ['', 'No'],
}

/** MySQL's numbers for what keeps a replica from its source; any other is 13114, its "got fatal error". */
const ERRORS: Readonly<Record<string, number>> = {
  E_SOURCE_UNREACHABLE: 2003,
  E_SOURCE_AUTH: 1045,
  E_SOURCE_TLS: 2026,
  E_SOURCE_PRIVILEGE: 1227,
  E_SOURCE_CLOSED: 2013,
  E_SOURCE_GONE_SILENT: 2013,
}
const OTHER_ERROR = 13_114

/**
 * SHOW REPLICA STATUS [FOR CHANNEL ''], or SHOW SLAVE STATUS with the older names: a row about the link to the source,
 * as the node has it that reads the source; none while no source is configured. What is received is kept at once, so
 * both threads are the one link, and our own files stand in the place of a relay log.
 */
export async function showReplicaStatus(
  cursor: Cursor,
  scope: Scope,
  words: readonly string[],
): Promise<Answer> {
  passChannel(cursor)
  cursor.expectEnd()
  if (!hasRight(scope.session, 'replicate', 'monitor', 'administer')) {
    throw accessDenied('SUPER, REPLICATION CLIENT')
  }
  const source = await scope.administration.source()
  const isOld = words.includes('SLAVE')
  const columns = COLUMNS.map(([name, type]) => columnOf(isOld ? olderName(name) : name, type))
  if (source.state === 'unconfigured') return rows(columns, [])
  const values = valuesOf(source, scope)
  return rows(columns, [COLUMNS.map(([name, type]) => valueOf(values[name], type))])
}

function columnOf(name: string, type: string): Column {
  if (type === 't') return nameColumn(name, TEXT_CHARACTERS)
  return type.startsWith('n') ? shortCountColumn(name, 10) : countColumn(name)
}

/** What is given nothing is empty, or 0. */
function valueOf(value: string | number | null | undefined, type: string): string | null {
  if (value !== undefined && value !== null) return String(value)
  if (type.endsWith('?')) return null
  return type === 't' ? '' : '0'
}

function olderName(name: string): string {
  if (name === 'Get_Source_public_key') return 'Get_master_public_key'
  return name.replace('Source', 'Master').replace('Replica_', 'Slave_')
}

function valuesOf(
  source: SourceView,
  { facts, nowMs }: Scope,
): Readonly<Record<string, string | number | null | undefined>> {
  const { address, user, file, position, tls, error } = source
  const at = address?.lastIndexOf(':') ?? -1
  const [state, runs] = IO_STATES[source.state]
  const end = facts.visibleEnd()
  const executed = facts.executed()
  // Our files are the source's, unless this one could not have its name.
  const isSame = end !== undefined && end.file === file
  const isFailing = error !== null
  return {
    Replica_IO_State: state,
    Source_Host: address?.slice(0, at).replace(/^\[|\]$/g, ''),
    Source_User: user,
    Source_Port: address?.slice(at + 1),
    Source_Log_File: file,
    Read_Source_Log_Pos: position,
    Relay_Log_File: end?.file,
    Relay_Log_Pos: end?.position,
    Relay_Source_Log_File: file,
    Replica_IO_Running: runs,
    Replica_SQL_Running: runs === 'No' ? 'No' : 'Yes',
    Exec_Source_Log_Pos: isSame ? end.position : position,
    Relay_Log_Space: facts.files().reduce((sum, { size }) => sum + size, 0),
    Until_Condition: 'None',
    Source_SSL_Allowed: tls === 'disabled' ? 'No' : 'Yes',
    Source_SSL_CA_File: source.caFile,
    Seconds_Behind_Source: source.lagSeconds === null ? null : Math.floor(source.lagSeconds),
    Source_SSL_Verify_Server_Cert: tls === 'verify-identity' ? 'Yes' : 'No',
    Last_IO_Errno: isFailing ? (ERRORS[error.code] ?? OTHER_ERROR) : 0,
    Last_IO_Error: isFailing ? `${error.code}: ${error.message}` : '',
    Source_Server_Id: facts.sourceServerId(),
    Source_UUID: source.serverUuid,
    Replica_SQL_Running_State:
      runs === 'No' ? '' : 'Replica has read all relay log; waiting for more updates',
    Last_IO_Error_Timestamp: isFailing ? timestampOf(source.since, nowMs) : '',
    Retrieved_Gtid_Set: executed.subtract(facts.purged()).toString(),
    Executed_Gtid_Set: executed.toString(),
    Auto_Position: 1,
    Get_Source_public_key: 1,
  }
}

/** YYMMDD HH:MM:SS, as MySQL writes it here */
function timestampOf(since: string | null, nowMs: number): string {
  const iso = since ?? new Date(nowMs).toISOString()
  return iso.slice(2, 19).replaceAll('-', '').replace('T', ' ')
}
