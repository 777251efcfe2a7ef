import type { Gtid } from '../gtid/gtid.ts'

/** What the first event of a transaction says, whichever type it has. */
export interface GtidEvent {
  /** undefined in an ANONYMOUS_GTID */
  readonly gtid: Gtid | undefined
  /** bytes of all events of the transaction, this one included; 0 when the event does not say it */
  readonly transactionLength: number
  readonly lastCommitted: bigint
  readonly sequenceNumber: bigint
  /**
   * on the server that wrote this event, microseconds since 1970; 0 when the event does not say it
   */
  readonly immediateCommitMicros: bigint
  /** on the server where the transaction was first committed */
  readonly originalCommitMicros: bigint
}
