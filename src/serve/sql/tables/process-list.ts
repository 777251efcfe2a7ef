import { type Column, ColumnType } from '../../../mysql/index.ts'
import { hasRight, type SessionState } from '../../session/session-state.ts'
import {
  countColumn,
  integerColumn,
  nameColumn,
  nullable,
  shortCountColumn,
  textColumn,
} from '../answer.ts'
import type { Scope } from '../scope.ts'
import type { Value } from '../value.ts'
import type { Table } from './table.ts'

const HOST_CHARACTERS = 261
const INFO_CHARACTERS = 65_535

/** State of a dump in SHOW PROCESSLIST, in MySQL's words. */
const DUMP_STATES = {
  none: null,
  sending: 'Sending binlog event to replica',
  waiting: 'Source has sent all binlog to replica; waiting for more updates',
} as const

export interface Process {
  readonly id: bigint
  readonly user: string
  readonly host: string
  readonly database: string | null
  readonly command: SessionState['command']
  readonly seconds: bigint
  readonly state: string | null
  readonly info: string | null
}

/** The sessions: everybody's for those with the right, else the user's own. */
export function processes({ session, sessions, replicas, monotonicMs }: Scope): Process[] {
  const all = hasRight(session, 'monitor', 'administer')
  const dumps = new Map(replicas.list([]).map((row) => [row.connectionId, row.dump?.state]))
  return sessions
    .all()
    .map(({ state }) => state)
    .filter(({ user }) => all || user === session.user)
    .map((state) => ({
      id: BigInt(state.connectionId),
      user: state.user,
      host: `${state.host}:${state.port}`,
      database: state.database ?? null,
      command: state.command,
      seconds: BigInt(Math.max(0, Math.floor((monotonicMs - state.sinceMs) / 1000))),
      state: DUMP_STATES[dumps.get(state.connectionId) ?? 'none'],
      info: state.statement ?? null,
    }))
}

const COLUMNS = [
  countColumn('ID'),
  nameColumn('USER', 32),
  nameColumn('HOST', HOST_CHARACTERS),
  textColumn('DB', 64),
  nameColumn('COMMAND', 16),
  { ...shortCountColumn('TIME', 11), flags: integerColumn('').flags },
  textColumn('STATE', 64),
  { ...textColumn('INFO', INFO_CHARACTERS), type: ColumnType.BLOB },
]

const rowOf = (process: Process): Value[] => [
  process.id,
  process.user,
  process.host,
  process.database,
  process.command,
  process.seconds,
  process.state,
  process.info,
]

/** information_schema.processlist */
export const PROCESSLIST: Table = {
  columns: COLUMNS,
  rows: (scope) => processes(scope).map(rowOf),
}

/** Those that are others there. */
const PERFORMANCE_COLUMNS: Readonly<Record<string, Column>> = {
  ID: countColumn('ID'),
  TIME: nullable(integerColumn('TIME')),
}

/** performance_schema.processlist */
export const PERFORMANCE_PROCESSLIST: Table = {
  columns: [
    ...COLUMNS.map((column) => PERFORMANCE_COLUMNS[column.name] ?? nullable(column)),
    { ...textColumn('EXECUTION_ENGINE', 9), type: ColumnType.STRING },
  ],
  rows: (scope) => processes(scope).map((process) => [...rowOf(process), 'PRIMARY']),
}
