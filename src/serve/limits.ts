import type { LoginGuardLimits } from './session/login-guard.ts'

/** Bounds of the replication port; what happens at each is said beside it. */
export interface ServeLimits extends LoginGuardLimits {
  /** connections in all; one more is told 1040 and closed */
  readonly connectionsMost: number
  /** connections from one address; one more is told 1040 and closed */
  readonly connectionsPerHostMost: number
  /** files that are left to the store and whoever is connected; one connection more is told 1040 and closed */
  readonly openFilesKept: number
  /** connections at once that are told 1040; one more is closed without a word */
  readonly refusedLingeringMost: number
  /** from accepting a connection to its login, milliseconds; then it is closed */
  readonly loginMs: number
  /** bytes of a packet before the login; a larger one closes the connection */
  readonly loginPacketBytesMost: number
  /** bytes of a packet after the login; a larger one closes the connection */
  readonly packetBytesMost: number
  /** from one command to the next, milliseconds; then the connection is closed */
  readonly idleMs: number
  /** how long a closing connection may take what it was sent last, milliseconds; then it is cut off */
  readonly lingerMs: number
  /**
   * silence after which TCP asks whether the client is still there, milliseconds; well below a replica's heartbeat
   * period (30 s by default), since TCP does not ask while a heartbeat is on its way
   */
  readonly keepAliveMs: number
  /** users whose password is remembered for the fast login; the longest unused is forgotten */
  readonly rememberedUsersMost: number
  /** pieces of compressed connections that are worked on at once; the next one waits */
  readonly compressionJobsMost: number
}

export const SERVE_LIMITS: ServeLimits = {
  connectionsMost: 2000,
  connectionsPerHostMost: 1000,
  openFilesKept: 32,
  refusedLingeringMost: 200,
  loginMs: 10_000,
  loginPacketBytesMost: 64 * 1024,
  packetBytesMost: 16 * 1024 * 1024,
  idleMs: 8 * 60 * 60 * 1000,
  lingerMs: 5_000,
  keepAliveMs: 10_000,
  rememberedUsersMost: 1000,
  compressionJobsMost: 2,
  loginRefusalsMost: 20,
  loginBlockMs: 30_000,
  loginBlockMostMs: 15 * 60_000,
  loginForgetMs: 30 * 60_000,
  loginHostsMost: 10_000,
}
