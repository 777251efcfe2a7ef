import { createPublicKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import {
  AuthMore,
  CACHING_SHA2_PASSWORD,
  type CachingSha2Hash,
  cachingSha2HashMatches,
  decryptPassword,
  encodeAuthMoreData,
  encodeAuthSwitch,
  fastAuthDigest,
  fastAuthMatches,
  MYSQL_NATIVE_PASSWORD,
  nativeResponseMatches,
  PUBLIC_KEY_REQUEST,
  passwordUpToNul,
  SCRAMBLE_SIZE,
  type Verifier,
} from '../../mysql/index.ts'
import type { Random } from '../../platform/index.ts'
import type { User, Users } from '../user.ts'
import type { LoginGuard } from './login-guard.ts'
import type { PacketChannel } from './packet-channel.ts'
import type { RememberedPasswords } from './remembered-passwords.ts'
import { missingRequirement } from './requirements.ts'

/** What a client has said of itself, in its handshake response or in COM_CHANGE_USER. */
export interface Claim {
  readonly user: string
  /** the plugin that `response` is for */
  readonly plugin: string | undefined
  readonly response: Uint8Array
  /** the client understands AuthSwitchRequest */
  readonly switches: boolean
}

/** Who the client is, or how it was refused. */
export type Verdict =
  | { readonly kind: 'user'; readonly user: User }
  /** `why` is for the log: the client is not told more than that it is denied */
  | { readonly kind: 'denied'; readonly passwordUsed: boolean; readonly why: string }
  /** too many of its host's logins were refused */
  | { readonly kind: 'blocked'; readonly waitMs: number }
  /** the client knows no plugin that fits the user */
  | { readonly kind: 'unable' }
  /** `guessed`: it had been told by then that its password is wrong */
  | { readonly kind: 'gone'; readonly guessed: boolean }

export interface AuthenticatorOptions {
  readonly users: Users
  readonly guard: LoginGuard
  readonly remembered: RememberedPasswords
  /** by which clients without TLS encrypt a password */
  readonly passwordKey: KeyObject
  readonly random: Random
}

/**
 * Finds out whether clients are who they say. An unknown user goes through the same steps, and costs the
 * same work, as a wrong password, so that nobody learns which users there are.
 */
export class Authenticator {
  readonly #users: Users
  readonly #guard: LoginGuard
  readonly #remembered: RememberedPasswords
  readonly #passwordKey: KeyObject
  readonly #publicKey: string
  readonly #random: Random
  readonly #decoy: CachingSha2Hash
  /** resolves when the hash that is being computed is done */
  #hashing: Promise<unknown> = Promise.resolve()

  constructor({ users, guard, remembered, passwordKey, random }: AuthenticatorOptions) {
    this.#users = users
    this.#guard = guard
    this.#remembered = remembered
    this.#passwordKey = passwordKey
    this.#publicKey = createPublicKey(passwordKey)
      .export({ type: 'spki', format: 'pem' })
      .toString()
    this.#random = random
    this.#decoy = { rounds: 10_000, salt: this.scramble(), digest: '.'.repeat(43) }
  }

  /** 20 bytes that are 7-bit, not NUL and not '$': some clients keep them as text. */
  scramble(): Buffer {
    return this.#random.bytes(SCRAMBLE_SIZE).map((byte) => {
      const kept = byte & 0x7f
      return kept === 0 || kept === 0x24 ? kept + 1 : kept
    }) as Buffer
  }

  /** Goes through the exchange after the client's claim, up to but without the OK or ERR. */
  async verify(channel: PacketChannel, claim: Claim, scramble: Buffer): Promise<Verdict> {
    const { host } = channel.connection
    const waitMs = this.#guard.blockedMs(host)
    if (waitMs > 0) return { kind: 'blocked', waitMs }
    const verdict = await this.#judge(channel, claim, scramble)
    if (verdict.kind === 'user') this.#guard.admitted(host)
    const isWrong = verdict.kind === 'denied' || (verdict.kind === 'gone' && verdict.guessed)
    if (isWrong) this.#guard.refused(host)
    return verdict
  }

  async #judge(channel: PacketChannel, claim: Claim, scramble: Buffer): Promise<Verdict> {
    const user = this.#users.find(claim.user)
    const verifier: Verifier = user?.verifier ?? { kind: 'caching-sha2', hash: this.#decoy }
    const plugin = verifier.kind === 'native' ? MYSQL_NATIVE_PASSWORD : CACHING_SHA2_PASSWORD
    const response = await this.#responseFor(plugin, { channel, claim, scramble })
    if (response === 'unable') return { kind: 'unable' }
    if (response === undefined) return { kind: 'gone', guessed: false }
    const passwordUsed = !isEmpty(response)
    const exchange = { channel, name: claim.user, verifier, scramble, response }
    const right = passwordUsed
      ? await this.#answersRightly(exchange)
      : verifier.kind === 'password' && verifier.password === ''
    if (typeof right !== 'boolean') return { kind: 'gone', guessed: right === 'guessed' }
    if (!right || user === undefined) {
      const why = user === undefined ? 'there is no such user' : 'the password is wrong'
      return { kind: 'denied', passwordUsed, why }
    }
    const why = missingRequirement(user, channel.connection)
    return why === undefined ? { kind: 'user', user } : { kind: 'denied', passwordUsed, why }
  }

  async #answersRightly(exchange: Exchange): Promise<boolean | 'gone' | 'guessed'> {
    const { verifier, scramble, response } = exchange
    return verifier.kind === 'native'
      ? nativeResponseMatches(response, scramble, verifier.hash)
      : await this.#cachingSha2(exchange)
  }

  /** The client's answer for the plugin, asked for with AuthSwitchRequest when it gave another's. */
  async #responseFor(
    plugin: string,
    { channel, claim, scramble }: { channel: PacketChannel; claim: Claim; scramble: Buffer },
  ): Promise<Uint8Array | 'unable' | undefined> {
    if ((claim.plugin ?? MYSQL_NATIVE_PASSWORD) === plugin) return claim.response
    if (!claim.switches) return 'unable'
    await channel.send(encodeAuthSwitch({ authPlugin: plugin, scramble }))
    return await channel.read()
  }

  async #cachingSha2(exchange: Exchange): Promise<boolean | 'gone' | 'guessed'> {
    const { channel, name, verifier, scramble, response } = exchange
    const digest =
      verifier.kind === 'password'
        ? fastAuthDigest(Buffer.from(verifier.password, 'utf8'))
        : this.#remembered.find(name, verifier)
    if (digest !== undefined && fastAuthMatches(response, scramble, digest)) {
      await channel.send(encodeAuthMoreData(Buffer.of(AuthMore.FAST_SUCCESS)))
      return true
    }
    await channel.send(encodeAuthMoreData(Buffer.of(AuthMore.FULL_AUTHENTICATION)))
    const password = await this.#readPassword(channel, scramble)
    // Whose password is known already has seen by the question for all of it that the answer was wrong.
    if (password === undefined) return digest === undefined ? 'gone' : 'guessed'
    const right = await this.#inTurn(channel, () => this.#passwordMatches(verifier, password))
    if (right) this.#remembered.keep(name, verifier, fastAuthDigest(password))
    return right
  }

  /** The password itself: in clear under TLS, else encrypted with our key, which the client may ask for. */
  async #readPassword(channel: PacketChannel, scramble: Buffer): Promise<Buffer | undefined> {
    let packet = await channel.read()
    const wantsKey = packet?.length === 1 && packet[0] === PUBLIC_KEY_REQUEST
    if (wantsKey) {
      await channel.send(encodeAuthMoreData(Buffer.from(this.#publicKey, 'latin1')))
      packet = await channel.read()
    }
    if (packet === undefined) return undefined
    const clear = channel.connection.tlsVersion !== undefined && !wantsKey
    const password = clear
      ? passwordUpToNul(packet)
      : decryptPassword(packet, this.#passwordKey, scramble)
    return password ?? NO_PASSWORD
  }

  /**
   * One after the other: a thousand hashes at once would each take a slice of every round of the event loop,
   * and the dumps would get one in between. A client that has gone in the meantime costs nothing, nor does
   * one whose host has been blocked.
   */
  async #inTurn(channel: PacketChannel, check: () => Promise<boolean>): Promise<boolean> {
    const { gone, host } = channel.connection
    const turn = this.#hashing.then(async () =>
      gone.aborted || this.#guard.blockedMs(host) > 0 ? false : await check(),
    )
    this.#hashing = turn
    return await turn
  }

  async #passwordMatches(verifier: Verifier, password: Buffer): Promise<boolean> {
    if (password === NO_PASSWORD) return false
    if (verifier.kind === 'caching-sha2')
      return await cachingSha2HashMatches(verifier.hash, password)
    if (verifier.kind === 'native') return false
    const right = fastAuthDigest(Buffer.from(verifier.password, 'utf8'))
    if (timingSafeEqual(right, fastAuthDigest(password))) return true
    await cachingSha2HashMatches(this.#decoy, password)
    return false
  }
}

/** Stands for what no password can be read from. */
const NO_PASSWORD = Buffer.alloc(0)

interface Exchange {
  readonly channel: PacketChannel
  readonly name: string
  readonly verifier: Verifier
  readonly scramble: Buffer
  readonly response: Uint8Array
}

/** A client without a password sends nothing, or a NUL after a switch. */
function isEmpty(response: Uint8Array): boolean {
  return response.length === 0 || (response.length === 1 && response[0] === 0)
}
