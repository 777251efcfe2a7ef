import type { Config, UserEntry } from '../config/index.ts'
import type { Watched } from '../lib/index.ts'

/** Which source, and how it is followed. */
export interface SourceWish {
  readonly host: string
  readonly port: number
  readonly user: string
  /** empty for none; never shown */
  readonly password: string
  readonly tls: Config['source.tls']
  /** PEM file with the authorities to trust, on each node that may follow the source */
  readonly caFile: string | undefined
  /** `oldest`, `newest` or the text of a GTID set: where a source is begun that nothing is held of */
  readonly startAt: string
  readonly semiSync: boolean
}

/** server_id and server_uuid by which the source knows its replica, whichever node that is. */
export interface SourceIdentity {
  readonly serverId: number
  readonly uuid: string
}

export interface RetentionWish {
  /** undefined: without limit, as below */
  readonly maxSizeBytes: number | undefined
  readonly maxAgeMs: number | undefined
  readonly keepForAbsentReplicasMs: number
  /** undefined: what the disk has room for */
  readonly ceilingBytes: number | undefined
}

/** What the operator wants, whole. */
export interface Desired {
  /** undefined: only what is stored already is served */
  readonly source: SourceWish | undefined
  readonly self: SourceIdentity
  /** false: stopped by the operator, until started again */
  readonly isSourceRunning: boolean
  readonly retention: RetentionWish
  /** undefined where a users file of the node itself has them */
  readonly users: readonly UserEntry[] | undefined
}

export interface DesiredState {
  /** what holds now; set anew by changes from anywhere */
  readonly value: Watched<Desired>
  /**
   * Changes what holds to what `update` makes of it; resolves when that is kept. `update` may be called several
   * times, each time with what holds then; what it throws comes back, and nothing is changed.
   * @throws OperationalError E_CONFIG_INVALID when what `update` makes cannot be; besides these, what the place
   * throws where it is kept
   */
  change(update: (now: Desired) => Desired): Promise<void>
}
