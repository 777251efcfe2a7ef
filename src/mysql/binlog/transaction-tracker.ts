import { ProtocolError } from '../../lib/index.ts'
import { EventType, eventTypeName } from './event-type.ts'
import { EventFlag } from './header.ts'

/*
  Where transactions begin and end, by the rules of the server's own Transaction_boundary_parser

                    outside        gtid           pre-statement   statements   standalone
    gtid            gtid           error          error           error        error
    begin           statements     statements     error           error        ENDED
    end             error          error          error           ENDED        ENDED
    xa rollback     error          ENDED          error           ENDED        ENDED
    statement       outside        ENDED          ENDED           statements   ENDED
    table map       outside        ENDED          ENDED           statements   standalone
    pre-statement   pre-statement  pre-statement  pre-statement   statements   standalone
    payload         error          ENDED          error           error        error
    incident        outside        ENDED          ENDED           ENDED        ENDED
    other           no change

  'gtid': a GTID event came, and nothing else. 'pre-statement': INTVAR, RAND or USER_VAR came, and
  no BEGIN. 'statements': a BEGIN came, or MariaDB's GTID, which stands for it. 'standalone': a GTID
  of MariaDB came that says so; of what it begins one event is the last, and it has no COMMIT.
*/
export type TransactionState = 'outside' | 'gtid' | 'pre-statement' | 'statements' | 'standalone'
/** The event is part of a transaction, the last one of it, or lies between two. */
export type EventPlace = 'inside' | 'ended' | 'outside'

type EventClass =
  | 'gtid'
  | 'group'
  | 'standalone group'
  | 'begin'
  | 'end'
  | 'xa rollback'
  | 'statement'
  | 'table map'
  | 'pre-statement'
  | 'payload'
  | 'incident'
  | 'other'
type Step = TransactionState | 'ended' | 'error'

const STEPS: Readonly<
  Record<Exclude<EventClass, 'other'>, Readonly<Record<TransactionState, Step>>>
> = {
  gtid: row('gtid', 'error', 'error', 'error', 'error'),
  group: row('statements', 'error', 'error', 'error', 'error'),
  'standalone group': row('standalone', 'error', 'error', 'error', 'error'),
  begin: row('statements', 'statements', 'error', 'error', 'ended'),
  end: row('error', 'error', 'error', 'ended', 'ended'),
  'xa rollback': row('error', 'ended', 'error', 'ended', 'ended'),
  statement: row('outside', 'ended', 'ended', 'statements', 'ended'),
  'table map': row('outside', 'ended', 'ended', 'statements', 'standalone'),
  'pre-statement': row(
    'pre-statement',
    'pre-statement',
    'pre-statement',
    'statements',
    'standalone',
  ),
  payload: row('error', 'ended', 'error', 'error', 'error'),
  incident: row('outside', 'ended', 'ended', 'ended', 'ended'),
}

const CLASSES: ReadonlyMap<number, EventClass> = new Map<number, EventClass>([
  [EventType.GTID, 'gtid'],
  [EventType.ANONYMOUS_GTID, 'gtid'],
  [EventType.GTID_TAGGED, 'gtid'],
  [EventType.XID, 'end'],
  [EventType.XA_PREPARE, 'end'],
  [EventType.APPEND_BLOCK, 'statement'],
  [EventType.BEGIN_LOAD_QUERY, 'statement'],
  [EventType.EXECUTE_LOAD_QUERY, 'statement'],
  [EventType.TABLE_MAP, 'table map'],
  [EventType.WRITE_ROWS_V1, 'statement'],
  [EventType.UPDATE_ROWS_V1, 'statement'],
  [EventType.DELETE_ROWS_V1, 'statement'],
  [EventType.ROWS_QUERY, 'statement'],
  [EventType.WRITE_ROWS, 'statement'],
  [EventType.UPDATE_ROWS, 'statement'],
  [EventType.DELETE_ROWS, 'statement'],
  [EventType.PARTIAL_UPDATE_ROWS, 'statement'],
  [EventType.VIEW_CHANGE, 'statement'],
  [EventType.INTVAR, 'pre-statement'],
  [EventType.RAND, 'pre-statement'],
  [EventType.USER_VAR, 'pre-statement'],
  [EventType.TRANSACTION_PAYLOAD, 'payload'],
  [EventType.INCIDENT, 'incident'],
  [EventType.STOP, 'other'],
  [EventType.ROTATE, 'other'],
  [EventType.SLAVE, 'other'],
  [EventType.DELETE_FILE, 'other'],
  [EventType.FORMAT_DESCRIPTION, 'other'],
  [EventType.HEARTBEAT, 'other'],
  [EventType.HEARTBEAT_V2, 'other'],
  [EventType.PREVIOUS_GTIDS, 'other'],
  [EventType.TRANSACTION_CONTEXT, 'other'],
  [EventType.MARIADB_ANNOTATE_ROWS, 'table map'],
  [EventType.MARIADB_BINLOG_CHECKPOINT, 'other'],
  [EventType.MARIADB_GTID_LIST, 'other'],
  [EventType.MARIADB_QUERY_COMPRESSED, 'statement'],
  [EventType.MARIADB_WRITE_ROWS_COMPRESSED, 'statement'],
  [EventType.MARIADB_UPDATE_ROWS_COMPRESSED, 'statement'],
  [EventType.MARIADB_DELETE_ROWS_COMPRESSED, 'statement'],
  [EventType.MARIADB_WRITE_ROWS_COMPRESSED_V2, 'statement'],
  [EventType.MARIADB_UPDATE_ROWS_COMPRESSED_V2, 'statement'],
  [EventType.MARIADB_DELETE_ROWS_COMPRESSED_V2, 'statement'],
])

/**
 * Follows the events of a file or stream, one `take` each, and tells which of them end a
 * transaction.
 */
export class TransactionTracker {
  #state: TransactionState = 'outside'

  /** Whether `take` looks at the text; for other types '' will do. */
  static needsQueryText(type: number): boolean {
    return type === EventType.QUERY
  }

  /** Whether `take` looks at the flags of a MariaDB GTID; for other types false will do. */
  static needsStandalone(type: number): boolean {
    return type === EventType.MARIADB_GTID
  }

  /** Whether `take` knows what an event of the type means for a transaction. */
  static knows(type: number, flags: number): boolean {
    const isIgnorable = (flags & EventFlag.IGNORABLE) !== 0
    const isRead = type === EventType.QUERY || type === EventType.MARIADB_GTID
    return isRead || CLASSES.has(type) || isIgnorable
  }

  /** A transaction has begun and has not ended. */
  get inTransaction(): boolean {
    return this.#state !== 'outside'
  }

  get state(): TransactionState {
    return this.#state
  }

  /** Goes on where a faster reader of plain transactions has come to. */
  moveTo(state: TransactionState): void {
    this.#state = state
  }

  /** Forgets a transaction that has begun, as after a new connection. */
  reset(): void {
    this.#state = 'outside'
  }

  /**
   * @param queryText of a QUERY what queryTextPrefix gives; of other types not looked at
   * @param standalone of a MariaDB GTID what isStandalone gives; of other types not looked at
   * @returns whether the event is part of a transaction, the last one of it, or lies between two
   * @throws ProtocolError when the event cannot stand here; the state stays as it was
   */
  take(type: number, flags: number, queryText: string, standalone = false): EventPlace {
    const found =
      type === EventType.MARIADB_GTID ? groupOf(standalone) : classOf(type, flags, queryText)
    const step = found === 'other' ? this.#state : STEPS[found][this.#state]
    if (step === 'error') {
      const what = `${eventTypeName(type)} (type ${type})`
      throw new ProtocolError(`event ${what} as '${found}' in the state '${this.#state}'`)
    }
    if (step === 'ended') {
      this.#state = 'outside'
      return 'ended'
    }
    this.#state = step
    return step === 'outside' ? 'outside' : 'inside'
  }
}

function groupOf(standalone: boolean): EventClass {
  return standalone ? 'standalone group' : 'group'
}

function classOf(type: number, flags: number, queryText: string): EventClass {
  if (type === EventType.QUERY) return classOfQuery(queryText)
  const found = CLASSES.get(type)
  if (found !== undefined) return found
  if ((flags & EventFlag.IGNORABLE) !== 0) return 'other'
  throw new ProtocolError(`event type ${type} is unknown and not marked as ignorable`)
}

function classOfQuery(text: string): EventClass {
  if (text === '') throw new ProtocolError('a QUERY without text')
  if (text === 'BEGIN' || text.startsWith('XA START')) return 'begin'
  if (text === 'COMMIT') return 'end'
  const upper = text.toUpperCase()
  if (upper.startsWith('ROLLBACK') && !upper.startsWith('ROLLBACK TO ')) return 'end'
  return upper.startsWith('XA ROLLBACK') ? 'xa rollback' : 'statement'
}

/** In the order of the table's columns. */
function row(...steps: [Step, Step, Step, Step, Step]): Readonly<Record<TransactionState, Step>> {
  const [outside, gtid, pre, statements, standalone] = steps
  return { outside, gtid, 'pre-statement': pre, statements, standalone }
}
