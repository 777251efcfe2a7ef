/** Every bound of the link to the source, with what happens there. `daemon/` may hand in others. */
export interface SourceLimits {
  /** a connection that is not logged in by then is given up */
  readonly connectMs: number
  /** a statement that has no answer by then costs its connection */
  readonly queryMs: number
  /** the source is asked to say something at least this often */
  readonly heartbeatMs: number
  /** a dump that is silent for so long is given up with E_SOURCE_GONE_SILENT */
  readonly silenceMs: number
  /** waits between attempts, doubling from the first to the last */
  readonly retryFirstMs: number
  readonly retryMostMs: number
  /** a PREVIOUS_GTIDS or GTID event longer than this is refused where the source is examined */
  readonly examinedEventBytes: number
  /** how often the source is asked for its newest position and for semi-sync, on a connection of its own */
  readonly statusMs: number
  /** the same after the beginning of a dump, and after an acknowledgement for a source that did not wait for any */
  readonly settleMs: number
}

const MIB = 1024 * 1024
const HEARTBEAT_MS = 5_000

export const SOURCE_LIMITS: SourceLimits = {
  connectMs: 10_000,
  queryMs: 10_000,
  heartbeatMs: HEARTBEAT_MS,
  silenceMs: 2.5 * HEARTBEAT_MS,
  retryFirstMs: 250,
  retryMostMs: 15_000,
  examinedEventBytes: 64 * MIB,
  statusMs: 5_000,
  settleMs: 1_000,
}
