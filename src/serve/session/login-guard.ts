import type { Logger } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'

export interface LoginGuardLimits {
  /** refused logins of one host, with none that succeeds between them, after which it is blocked */
  readonly loginRefusalsMost: number
  /** how long it is blocked then, milliseconds; each further time twice as long */
  readonly loginBlockMs: number
  /** the longest block, milliseconds */
  readonly loginBlockMostMs: number
  /** after so long without a refused login all is forgotten, milliseconds */
  readonly loginForgetMs: number
  /** hosts that are remembered; of more, those are forgotten that were refused longest ago */
  readonly loginHostsMost: number
}

interface Refusals {
  /** since the last login that succeeded, or the last block */
  count: number
  /** of the last block; 0: there was none */
  blockMs: number
  /** monotonic milliseconds */
  blockedUntilMs: number
  lastMs: number
}

/**
 * Counts refused logins by host, and blocks a host for a while that has too many. Only wrong passwords and
 * the like count: who connects and leaves, as load balancers do to see whether we are there, is no
 * attacker. As in MySQL the machine's own loopback is never blocked.
 */
export class LoginGuard {
  readonly #limits: LoginGuardLimits
  readonly #clock: Clock
  readonly #logger: Logger
  /** by network, the one that was refused longest ago first */
  readonly #refusals = new Map<string, Refusals>()

  constructor(limits: LoginGuardLimits, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.#limits = limits
    this.#clock = clock
    this.#logger = logger
  }

  /** How long the host has to wait until it may try again, milliseconds; 0: it may. */
  blockedMs(host: string): number {
    const found = this.#refusals.get(networkOf(host))
    return Math.max(0, (found?.blockedUntilMs ?? 0) - this.#clock.monotonicMs())
  }

  refused(host: string): void {
    if (LOOPBACK.has(host) || this.blockedMs(host) > 0) return
    const network = networkOf(host)
    const nowMs = this.#clock.monotonicMs()
    const { loginRefusalsMost, loginBlockMs, loginBlockMostMs, loginForgetMs } = this.#limits
    const known = this.#refusals.get(network)
    const found =
      known !== undefined && nowMs - known.lastMs < loginForgetMs
        ? known
        : { count: 0, blockMs: 0, blockedUntilMs: 0, lastMs: 0 }
    found.lastMs = nowMs
    found.count += 1
    this.#keep(network, found)
    if (found.count < loginRefusalsMost) return
    found.count = 0
    found.blockMs = Math.min(loginBlockMostMs, Math.max(loginBlockMs, 2 * found.blockMs))
    found.blockedUntilMs = nowMs + found.blockMs
    found.lastMs = found.blockedUntilMs
    const fields = { client: host, refusals: loginRefusalsMost, blockedMs: found.blockMs }
    this.#logger.warn(fields, 'a host is blocked for its refused logins')
  }

  admitted(host: string): void {
    this.#refusals.delete(networkOf(host))
  }

  #keep(network: string, refusals: Refusals): void {
    this.#refusals.delete(network)
    this.#refusals.set(network, refusals)
    const [oldest] = this.#refusals.keys()
    if (this.#refusals.size > this.#limits.loginHostsMost && oldest !== undefined) {
      this.#refusals.delete(oldest)
    }
  }
}

const LOOPBACK = new Set(['127.0.0.1', '::1'])

/** What one party has of IPv6 is a network of 64 bits, and any address in it. */
function networkOf(host: string): string {
  if (!host.includes(':')) return host
  const [left = '', right] = host.split('::')
  const groups = left === '' ? [] : left.split(':')
  if (right !== undefined) {
    const after = right === '' ? [] : right.split(':')
    while (groups.length + after.length < 8) groups.push('0')
  }
  return groups.slice(0, 4).join(':')
}
