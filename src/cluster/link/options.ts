import type { Logger } from '../../lib/index.ts'
import type { Clock, Random } from '../../platform/index.ts'
import type { Authority } from '../authority.ts'
import type { ClusterSecret } from '../cluster-secret.ts'
import type { Versions } from './greeting.ts'

/** Who we are to the other nodes. */
export interface LinkSelf {
  readonly node: string
  /** the cluster's id; undefined before the node has been in one */
  cluster(): string | undefined
}

export interface LinkLimits {
  /** after so long without a byte a link is given up; a third of it without sending, and a sign of life is sent */
  readonly silenceMs: number
  /** from connecting until both sides are proven, and for a request until it is there */
  readonly greetingMs: number
  /** a call with everything: connecting, greeting, request, answer */
  readonly callMs: number
  /** `writable` waits until fewer bytes than these are queued */
  readonly writableBytes: number
  /** a link on which more is queued is closed: who sends does not look at what is queued */
  readonly queuedBytesMost: number
  /** connections at a time that have proven nothing yet, and that have */
  readonly unprovenMost: number
  readonly provenMost: number
  /** how long a link that is closed here may go on sending what is queued */
  readonly lingerMs: number
}

export const LINK_LIMITS: LinkLimits = {
  silenceMs: 3000,
  greetingMs: 5000,
  callMs: 10_000,
  writableBytes: 2 * 1024 * 1024,
  queuedBytesMost: 64 * 1024 * 1024,
  unprovenMost: 64,
  provenMost: 256,
  lingerMs: 1000,
}

export interface LinkOptions {
  readonly self: LinkSelf
  readonly secret: ClusterSecret
  /** of the same secret; its certificates are used with `https` */
  readonly authority: Authority
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits?: Partial<LinkLimits>
  /** of the link that are spoken; default VERSIONS */
  readonly versions?: Versions
}
