import type { Clock } from '../../platform/index.ts'
import type { Administration } from '../administration.ts'
import type { BinlogReader } from '../dump/binlog-reader.ts'
import type { Replicas } from '../replicas.ts'
import type { ServerFacts } from '../server-facts.ts'
import type { SessionList } from '../session/session-list.ts'
import type { SessionState } from '../session/session-state.ts'
import type { Value } from './value.ts'

/** What a statement may look at and change. */
export interface Scope {
  readonly facts: ServerFacts
  readonly session: SessionState
  readonly sessions: SessionList
  readonly replicas: Pick<Replicas, 'list' | 'acks'>
  readonly binlogs: BinlogReader
  readonly administration: Administration
  readonly clock: Pick<Clock, 'after'>
  /** Called once by a statement that takes its time; fires when nobody wants its answer any more. */
  beginWait(): AbortSignal
  /** milliseconds since 1970 */
  readonly nowMs: number
  /** milliseconds since some moment, for how long something lasts */
  readonly monotonicMs: number
  uuid(): string
}

/** The columns of the row that a WHERE looks at, by lower-case name; undefined for no such column. */
export type RowScope = (column: string) => Value | undefined
