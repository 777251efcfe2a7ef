import { OperationalError, ProtocolError } from '../../lib/index.ts'
import {
  Capability,
  Command,
  decodeComQuery,
  decodeComRegisterReplica,
  type ErrPacket,
  encodeEndOfRows,
  encodeEof,
  encodeErr,
  encodeOk,
  Reader,
} from '../../mysql/index.ts'
import { answerMetadata } from '../metadata/answer-metadata.ts'
import type { MetadataSource, MetadataStatement } from '../metadata/metadata-source.ts'
import type { Replicas } from '../replicas.ts'
import type { Scope } from '../sql/scope.ts'
import { shownStatement } from '../sql/shown-statement.ts'
import { accessDenied, databaseNameError, refusalOf, SqlError } from '../sql/sql-error.ts'
import { answerStatement } from '../sql/statements.ts'
import { statisticsText } from '../sql/status.ts'
import { identityOf } from './dump-command.ts'
import { accessDeniedFor } from './login.ts'
import type { PacketChannel } from './packet-channel.ts'
import { sendAnswer } from './send-answer.ts'
import { hasRight, type SessionState } from './session-state.ts'

/** The session as its commands see it. */
export interface CommandContext {
  readonly channel: PacketChannel
  readonly state: SessionState
  /** of both sides */
  readonly capabilities: number
  readonly replicas: Pick<Replicas, 'register'>
  /** who is asked about tables; undefined: nobody */
  readonly metadata: MetadataSource | undefined
  scope(): Scope
  /** Runs while a statement is begun, so that the session knows when it ends itself. */
  answering<T>(answer: () => T): T
  changeUser(payload: Buffer): Promise<Outcome>
  dump(payload: Buffer): Promise<Outcome>
}

export type Outcome = 'next' | 'close'

type Handler = (payload: Buffer, context: CommandContext) => Promise<Outcome>

/** Answers one command. What is not in the table gets error 1047, and the session goes on. */
export async function runCommand(payload: Buffer, context: CommandContext): Promise<Outcome> {
  const handler = HANDLERS.get(payload[0] ?? -1)
  if (handler !== undefined) return await handler(payload, context)
  return await answer(context, encodeErr(UNKNOWN_COMMAND))
}

const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [Command.QUIT, () => Promise.resolve('close')],
  [Command.QUERY, query],
  [Command.INIT_DB, initDb],
  [Command.PING, (_, context) => answer(context, encodeOk())],
  [
    Command.STATISTICS,
    (_, context) => answer(context, Buffer.from(statisticsText(context.scope()))),
  ],
  [Command.DEBUG, (_, context) => answer(context, endMarker(context))],
  [Command.SET_OPTION, setOption],
  [Command.RESET_CONNECTION, resetConnection],
  [Command.CHANGE_USER, (payload, context) => context.changeUser(payload)],
  [Command.REGISTER_REPLICA, registerReplica],
  [Command.BINLOG_DUMP, (payload, context) => context.dump(payload)],
  [Command.BINLOG_DUMP_GTID, (payload, context) => context.dump(payload)],
  [Command.STMT_PREPARE, unprepared],
  [Command.STMT_EXECUTE, unprepared],
  [Command.STMT_RESET, unprepared],
  [Command.STMT_FETCH, unprepared],
  // These two have no answer, and drivers send the first to clean up.
  [Command.STMT_CLOSE, () => Promise.resolve('next')],
  [Command.STMT_SEND_LONG_DATA, () => Promise.resolve('next')],
])

async function query(payload: Buffer, context: CommandContext): Promise<Outcome> {
  const sql = decodeComQuery(payload)
  context.state.statement = shownStatement(sql)
  const deprecateEof = (context.capabilities & Capability.DEPRECATE_EOF) !== 0
  try {
    const found = await context.answering(() => answerStatement(sql, context.scope()))
    if (found.kind === 'metadata') return await askSource(found.statements, context)
    await sendAnswer(context.channel, found, deprecateEof)
    return 'next'
  } catch (thrown) {
    if (!(thrown instanceof SqlError || thrown instanceof OperationalError)) throw thrown
    const error = thrown instanceof SqlError ? thrown : refusalOf(thrown)
    const { code, message } = error
    context.state.warnings = [{ level: 'Error', code, message }]
    return await answer(context, encodeErr(error))
  } finally {
    context.state.statement = undefined
  }
}

async function askSource(
  statements: readonly MetadataStatement[],
  { channel, state, capabilities, metadata }: CommandContext,
): Promise<Outcome> {
  if (!hasRight(state, 'replicate', 'monitor', 'administer')) throw accessDenied('SELECT')
  const send = (...payloads: readonly Uint8Array[]): Promise<void> => channel.send(...payloads)
  await answerMetadata(statements, metadata, { capabilities, gone: channel.connection.gone, send })
  return 'next'
}

async function initDb(payload: Buffer, context: CommandContext): Promise<Outcome> {
  const name = payload.toString('utf8', 1)
  const error = databaseNameError(name)
  if (error !== undefined) return await answer(context, encodeErr(error))
  context.state.database = name
  return await answer(context, encodeOk())
}

async function setOption(payload: Buffer, context: CommandContext): Promise<Outcome> {
  const reader = new Reader(payload, 1)
  const known = reader.u16() <= 1
  return await answer(context, known ? endMarker(context) : encodeErr(UNKNOWN_COMMAND))
}

async function resetConnection(_: Buffer, context: CommandContext): Promise<Outcome> {
  context.state.userVariables.clear()
  context.state.systemVariables.clear()
  context.state.warnings = []
  return await answer(context, encodeOk())
}

async function registerReplica(payload: Buffer, context: CommandContext): Promise<Outcome> {
  const { channel, state, replicas } = context
  if (!hasRight(state, 'replicate')) {
    return await answer(context, encodeErr(accessDeniedFor(state.user, channel, true)))
  }
  try {
    const { serverId, host, port } = decodeComRegisterReplica(payload)
    replicas.register(identityOf(state, serverId), { host, port })
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    return await answer(context, encodeErr(MALFORMED_PACKET))
  }
  return await answer(context, encodeOk())
}

async function unprepared(_: Buffer, context: CommandContext): Promise<Outcome> {
  return await answer(context, encodeErr(NOT_PREPARED))
}

async function answer(
  { channel }: CommandContext,
  ...payloads: readonly Uint8Array[]
): Promise<Outcome> {
  await channel.send(...payloads)
  return 'next'
}

/** What ends COM_DEBUG and COM_SET_OPTION. */
function endMarker({ capabilities }: CommandContext): Buffer {
  return (capabilities & Capability.DEPRECATE_EOF) !== 0 ? encodeEndOfRows() : encodeEof()
}

export const UNKNOWN_COMMAND: ErrPacket = {
  code: 1047,
  sqlState: '08S01',
  message: 'Unknown command',
}

const NOT_PREPARED: ErrPacket = {
  code: 1295,
  sqlState: 'HY000',
  message: 'This command is not supported in the prepared statement protocol yet',
}

export const MALFORMED_PACKET: ErrPacket = {
  code: 1835,
  sqlState: 'HY000',
  message: 'Malformed communication packet.',
}
