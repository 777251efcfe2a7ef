/** Every bound of what is asked of the source for clients that look up tables, with what happens there. */
export interface MetadataLimits {
  /** connections to the source at once; who finds none free waits for one */
  readonly connectionsMost: number
  /** statements that wait for a connection; one more is refused with E_METADATA_BUSY */
  readonly waitingMost: number
  /** a statement that has no connection by then is refused with E_METADATA_BUSY, milliseconds */
  readonly waitMs: number
  /** a source that says nothing for so long in the middle of an answer loses the connection, milliseconds */
  readonly silenceMs: number
  /** an answer that its client has not taken by then is broken off, milliseconds; others get its connection's place */
  readonly answerMs: number
  /** a connection that nobody has used for so long is closed, milliseconds */
  readonly idleMs: number
  /** bytes of one packet of an answer; a longer one costs the connection to the source */
  readonly packetBytesMost: number
}

export const METADATA_LIMITS: MetadataLimits = {
  connectionsMost: 4,
  waitingMost: 200,
  waitMs: 10_000,
  silenceMs: 30_000,
  answerMs: 120_000,
  idleMs: 60_000,
  packetBytesMost: 16 * 1024 * 1024,
}
