/*
  Replicas that stand at a server's end and note when each transaction came, by the commit time in its GTID event.
*/
import { decodeGtidEvent, EventType, isGtidEvent } from '../../src/mysql/index.ts'
import { answerParent } from '../client/answer-parent.ts'
import { DumpConnection } from '../client/dump-connection.ts'
import type { Address } from '../client/raw-connection.ts'
import { realTimeClock } from '../client/real-time.ts'

export interface FollowCommand {
  readonly kind: 'follow'
  readonly address: Address
  readonly file: string
  readonly position: number
  readonly clients: number
  /** server ids from here on */
  readonly serverId: number
}

/** Waits until each client has seen so many transactions. */
export interface FinishCommand {
  readonly kind: 'finish'
  readonly transactions: number
}

export type FollowerCommand = FollowCommand | FinishCommand

/** Of one client, for each transaction in its order, in microseconds since 1970. */
export interface Arrivals {
  /** when the source gave it its place in the binlog */
  readonly committed: readonly number[]
  /** when its last event had come */
  readonly arrived: readonly number[]
}

export type FollowerReport =
  | { readonly kind: 'following' }
  | { readonly kind: 'finished'; readonly clients: readonly Arrivals[] }

const packetHeadSize = 4
const okByteSize = 1
const typeOffset = packetHeadSize + okByteSize + 4
const headerSize = 19

class Follower {
  readonly #connection: DumpConnection
  readonly #now: () => number
  readonly committed: number[] = []
  readonly arrived: number[] = []
  #rest = Buffer.alloc(0)
  #committing = 0
  #began: (() => void) | undefined
  #wanted = Number.POSITIVE_INFINITY
  #reached: (() => void) | undefined
  #broken: ((why: Error) => void) | undefined
  #failure: Error | undefined

  constructor(connection: DumpConnection, now: () => number) {
    this.#connection = connection
    this.#now = now
  }

  /** Resolves with the first bytes: the server has found the place. */
  async begin(file: string, position: number): Promise<void> {
    await this.#connection.login()
    await new Promise<void>((resolve, reject) => {
      this.#began = resolve
      this.#broken = reject
      const request = { file, position, nonBlocking: false }
      const fail = (why: Error): void => this.#fail(why)
      this.#connection.dump(request, (bytes) => this.#receive(bytes), fail)
    })
  }

  async finish(transactions: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#wanted = transactions
      this.#reached = resolve
      this.#broken = reject
      if (this.#failure !== undefined) reject(this.#failure)
      if (this.arrived.length >= transactions) resolve()
    })
    this.#connection.destroy()
  }

  #fail(why: Error): void {
    this.#failure ??= why
    this.#broken?.(why)
  }

  #receive(bytes: Buffer): void {
    const now = this.#now()
    const all = Buffer.concat([this.#rest, bytes])
    let at = 0
    while (all.length - at >= packetHeadSize) {
      const end = at + packetHeadSize + all.readUIntLE(at, 3)
      if (end > all.length) break
      this.#see(all.subarray(at, end), now)
      at = end
    }
    this.#rest = all.subarray(at)
    this.#began?.()
  }

  #see(packet: Buffer, now: number): void {
    if (packet[packetHeadSize] !== 0 || packet.length < packetHeadSize + okByteSize + headerSize) {
      this.#fail(new Error(`the server says '${packet.toString('latin1')}'`))
      return
    }
    const type = packet[typeOffset] ?? 0
    if (isGtidEvent(type)) {
      const event = decodeGtidEvent(packet.subarray(packetHeadSize + okByteSize), 'CRC32')
      this.#committing = Number(event.immediateCommitMicros)
    } else if (type === EventType.XID) {
      this.committed.push(this.#committing)
      this.arrived.push(now)
      if (this.arrived.length >= this.#wanted) this.#reached?.()
    }
  }
}

let followers: Follower[] = []

answerParent(async (command: FollowerCommand): Promise<FollowerReport> => {
  if (command.kind === 'follow') {
    const { address, clients, file, position } = command
    const now = realTimeClock()
    followers = Array.from({ length: clients }, (_, index) => {
      return new Follower(new DumpConnection(address, command.serverId + index), now)
    })
    await Promise.all(followers.map((follower) => follower.begin(file, position)))
    return { kind: 'following' }
  }
  await Promise.all(followers.map((follower) => follower.finish(command.transactions)))
  const clients = followers.map(({ committed, arrived }) => ({ committed, arrived }))
  return { kind: 'finished', clients }
})
