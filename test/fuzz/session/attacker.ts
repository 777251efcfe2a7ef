import { connect, type Socket } from 'node:net'
import {
  ERR_MARKER,
  encodePackets,
  PACKET_HEADER_SIZE,
  PHYSICAL_PAYLOAD_MOST,
} from '../../../src/mysql/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { RawClient } from '../../../src/serve/testing/raw-client.ts'
import { replicationPassword, replicationUser } from '../../e2e/harness/mysqld.ts'
import { pause } from '../../e2e/harness/wait.ts'

/**
 * Attackers come from addresses of their own, so that what the limits for one address do to them is not
 * done to those who come from 127.0.0.1. The silent ones of a flood come from one, until it has too many, and its
 * guessing ones from another, which is blocked; others who guess come from many; and those who know the
 * password are not to suffer for them.
 */
export const FLOOD_ADDRESSES = { silent: '127.0.0.2', guessing: '127.0.0.3' } as const
export const STUBBORN_ADDRESS = '127.0.0.4'
const LOGGED_IN_ADDRESS = '127.0.1.1'
const GUESSING_ADDRESSES = 200
/** Most attackers wait no longer for an answer: many packets have none. */
const ANSWER_MS_MOST = 300
const CONNECT_MS_MOST = 5_000

/** What was sent to whom, and what came of it. */
export class Tally {
  packets = 0
  connections = 0
  /** ERR packets that came back */
  errors = 0
  /** connections that the other side closed */
  closed = 0
  readonly byAttack = new Map<string, number>()
}

/** Where an attack goes, and what it may use. */
export interface Battlefield {
  readonly port: number
  readonly adminPort: number
  readonly random: SeededRandom
  readonly tally: Tally
}

/** One hostile connection. */
export class Attacker {
  readonly socket: Socket
  readonly #field: Battlefield

  private constructor(socket: Socket, field: Battlefield) {
    this.socket = socket
    this.#field = field
    socket.on('error', () => {})
    socket.once('end', () => {
      field.tally.closed += 1
    })
    field.tally.connections += 1
  }

  /** undefined when the connection does not come about, as in a flood */
  static async connect(
    field: Battlefield,
    { port = field.port, address = guessingAddress(field) } = {},
  ): Promise<Attacker | undefined> {
    const socket = connect({ host: '127.0.0.1', port, localAddress: address })
    const attacker = new Attacker(socket, field)
    return await new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), CONNECT_MS_MOST)
      socket.once('connect', () => resolve(attacker))
      socket.once('close', () => {
        clearTimeout(timer)
        resolve(undefined)
      })
      socket.once('connect', () => clearTimeout(timer))
    })
  }

  /** Logs in as somebody who may replicate; undefined when not let in, as in a flood. */
  static async loggedIn(field: Battlefield): Promise<Attacker | undefined> {
    const attacker = await Attacker.connect(field, { address: LOGGED_IN_ADDRESS })
    if (attacker === undefined) return undefined
    const client = new RawClient(attacker.socket)
    const login = client.login(replicationUser, replicationPassword).catch(() => undefined)
    const answer = await Promise.race([login, pause(CONNECT_MS_MOST)])
    // From here on nothing that comes is in any order.
    attacker.socket.removeAllListeners('data')
    if (answer?.[0] === 0) return attacker
    attacker.drop()
    return undefined
  }

  /** Sends bytes that are said to be so many packets. */
  send(bytes: Uint8Array, packets = 1): void {
    if (this.socket.destroyed) return
    this.#field.tally.packets += packets
    this.socket.write(bytes)
  }

  /** Sends one packet as it should be framed. */
  packet(payload: Uint8Array, sequence = 0): void {
    this.send(
      encodePackets(payload, sequence),
      Math.ceil((payload.length + 1) / PHYSICAL_PAYLOAD_MOST),
    )
  }

  /** Waits a little while for bytes; the packet that they begin with, or what has come of it. */
  async answer(msMost = ANSWER_MS_MOST): Promise<Buffer | undefined> {
    const { socket } = this
    const bytes = await new Promise<Buffer | undefined>((resolve) => {
      const done = (found?: Buffer): void => {
        clearTimeout(timer)
        socket.off('data', done)
        socket.off('close', over)
        resolve(found)
      }
      const over = (): void => done()
      const timer = setTimeout(over, msMost)
      socket.on('data', done)
      socket.on('close', over)
      socket.resume()
      if (socket.destroyed) over()
    })
    const payload = bytes?.subarray(PACKET_HEADER_SIZE)
    if (payload?.[0] === ERR_MARKER) this.#field.tally.errors += 1
    return payload
  }

  drop(): void {
    if (this.#field.random.chance(0.5)) this.socket.resetAndDestroy()
    else this.socket.destroy()
  }
}

function guessingAddress({ random }: Battlefield): string {
  return `127.0.2.${random.between(1, GUESSING_ADDRESSES)}`
}
