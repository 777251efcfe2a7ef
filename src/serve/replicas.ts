/*
  Who is connected and what they read: for SHOW REPLICAS, the API and the dump that ends an older
  one of the same replica; and which files replicas need, those that have left too, for whoever
  decides which files go.
*/
import { ProtocolError } from '../lib/index.ts'
import type { Clock } from '../platform/index.ts'
import { comparePositions, type FileInfo, type Position } from '../store/index.ts'
import type { ReplicaIdentity } from './dump-request.ts'
import { neededFile, UNRECEIVED_BYTES_MOST } from './needed-file.ts'
import { ReplicaAcks } from './replica-acks.ts'

/** Replicas that have left and were not collected yet; the one that left first is dropped at the bound. */
const LEFT_MOST = 1000

/** What COM_REGISTER_REPLICA says. */
export interface Registration {
  /** report_host, '' when not set */
  readonly host: string
  readonly port: number
}

/** Kept up to date by the dump itself. */
export interface DumpProgress {
  /** '' before its start is found */
  file: string
  /** behind the last byte handed to the connection */
  position: number
  /** what lies before it the replica has not asked for; undefined before its start is found */
  begun: Position | undefined
  state: 'sending' | 'waiting'
  bytesSent: number
}

export interface Dump {
  readonly progress: DumpProgress
  /** ends this dump when a newer one of the same replica begins; does not wait for it */
  readonly replace: () => void
  /** it ends by itself: it takes what there is and does not come back */
  readonly nonBlocking: boolean
}

/** What a semi-sync replica has acknowledged on this connection. */
export interface Acknowledged {
  /** everything before it; undefined before the first time */
  readonly place: Position | undefined
  /** milliseconds since 1970; 0 before the first time */
  readonly atMs: number
  readonly acks: number
}

const NOTHING_ACKNOWLEDGED: Acknowledged = { place: undefined, atMs: 0, acks: 0 }

export interface ReplicaRow extends ReplicaIdentity {
  /** undefined for a client that never registered, as mysqlbinlog; SHOW REPLICAS leaves it out */
  readonly registration: Registration | undefined
  /** milliseconds since 1970 */
  readonly connectedAtMs: number
  /** undefined when it has registered and not begun a dump */
  readonly dump: (Readonly<DumpProgress> & { readonly lagBytes: number }) | undefined
  /** undefined for a replica that is not asked for acknowledgements */
  readonly semiSync: Acknowledged | undefined
}

/** A replica that can be known again by its uuid, and what it may ask for. */
export interface SeenReplica {
  readonly uuid: string
  readonly serverId: number
  readonly user: string
  /** report_host, else the address that it came from */
  readonly host: string
  /** what it was sent up to */
  readonly file: string
  readonly position: number
  /** the oldest file that it may ask for again: what was sent last may not have arrived */
  readonly needs: string
}

export interface LeftReplica extends SeenReplica {
  /** ascending, in the order in which they left this node */
  readonly id: number
  readonly awayMs: number
}

export interface RunningDump {
  /** for people */
  readonly who: string
  /** the one that it reads */
  readonly file: string
  /** the oldest that it would ask for if it were cut off now; one that waits has all that it was sent */
  readonly needs: string
}

interface Connection {
  identity: ReplicaIdentity
  registration: Registration | undefined
  connectedAtMs: number
  dump: Dump | undefined
  semiSync: Acknowledged | undefined
}

/** A replica, and where its dump stands. */
interface Place extends Omit<SeenReplica, 'needs'> {
  readonly begun: Position
}

interface Left {
  readonly id: number
  readonly place: Place
  readonly leftAtMs: number
}

export class Replicas {
  readonly #clock: Clock
  readonly #unreceivedBytesMost: number
  readonly #connections = new Map<number, Connection>()
  /** by uuid, in the order in which they left */
  readonly #left = new Map<string, Left>()
  #leftCount = 0
  readonly acks: ReplicaAcks

  /** @param unreceivedBytesMost so much may be handed to a connection and never be read by the replica */
  constructor(clock: Clock, unreceivedBytesMost = UNRECEIVED_BYTES_MOST, acks = new ReplicaAcks()) {
    this.#clock = clock
    this.acks = acks
    this.#unreceivedBytesMost = unreceivedBytesMost
  }

  register(identity: ReplicaIdentity, registration: Registration): void {
    this.#connection(identity).registration = registration
  }

  beginDump(identity: ReplicaIdentity, dump: Dump): void {
    for (const { dump: older, identity: other } of this.#connections.values()) {
      if (other.connectionId !== identity.connectionId && isSame(other, identity)) older?.replace()
    }
    this.#connection(identity).dump = dump
  }

  /** The dump of this connection is a semi-sync one; where it goes by file and position, all before is held. */
  beginSemiSync(connectionId: number, from: Position | undefined): void {
    const connection = this.#connections.get(connectionId)
    if (connection === undefined) return
    connection.semiSync = NOTHING_ACKNOWLEDGED
    if (from !== undefined) this.#note(connection, from)
  }

  /**
   * What a client says during its dump; nothing comes of it where that is no semi-sync one.
   * @throws ProtocolError for what it was not sent
   */
  acknowledge(connectionId: number, place: Position): void {
    const connection = this.#connections.get(connectionId)
    if (connection?.semiSync === undefined || connection.dump === undefined) return
    const { progress } = connection.dump
    if (comparePositions(place, progress) > 0) {
      const sent = `${progress.file}:${progress.position}`
      throw new ProtocolError(
        `the replica acknowledges ${place.file}:${place.position} and was sent up to ${sent}`,
      )
    }
    this.#note(connection, place)
  }

  #note(connection: Connection, place: Position): void {
    const { acks } = connection.semiSync ?? NOTHING_ACKNOWLEDGED
    connection.semiSync = { place, atMs: this.#clock.nowMs(), acks: acks + 1 }
    this.acks.note({ ...place, replica: nameOfReplica(connection.identity) })
  }

  /** The connection is gone, with its dump. */
  disconnect(connectionId: number): void {
    const gone = this.#connections.get(connectionId)
    if (gone === undefined) return
    this.#connections.delete(connectionId)
    const place = placeOf(gone)
    if (place === undefined || this.#isConnected(place.uuid)) return
    this.#left.delete(place.uuid)
    this.#leftCount += 1
    const leftAtMs = this.#clock.monotonicMs()
    this.#left.set(place.uuid, { id: this.#leftCount, place, leftAtMs })
    for (const first of this.#left.keys()) {
      if (this.#left.size <= LEFT_MOST) return
      this.#left.delete(first)
    }
  }

  /** @param files what the store shows, oldest first; below too */
  list(files: readonly FileInfo[]): ReplicaRow[] {
    return [...this.#connections.values()].map(
      ({ identity, registration, connectedAtMs, dump, semiSync }) => ({
        ...identity,
        registration,
        connectedAtMs,
        semiSync,
        dump:
          dump === undefined
            ? undefined
            : { ...dump.progress, lagBytes: lagOf(dump.progress, files) },
      }),
    )
  }

  /** Those with a uuid whose dump has found its start, and which will come back when they are cut off. */
  connected(files: readonly FileInfo[]): SeenReplica[] {
    return [...this.#connections.values()].flatMap((connection) => {
      const place = placeOf(connection)
      return place === undefined ? [] : [this.#seenAt(place, files)]
    })
  }

  /** Those that have left this node and did not come back to it, until they are collected. */
  left(files: readonly FileInfo[]): LeftReplica[] {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#left.values()]
      .filter(({ place }) => !this.#isConnected(place.uuid))
      .map(({ id, place, leftAtMs }) => ({
        ...this.#seenAt(place, files),
        id,
        awayMs: nowMs - leftAtMs,
      }))
  }

  /** Somebody else keeps those that left up to this one. */
  collected(upTo: number): void {
    for (const [uuid, { id }] of this.#left) if (id <= upTo) this.#left.delete(uuid)
  }

  /** Those that have found their start, whoever they are. */
  runningDumps(files: readonly FileInfo[]): RunningDump[] {
    return [...this.#connections.values()].flatMap(({ identity, dump }) => {
      const { file = '', position = 0, begun, state } = dump?.progress ?? {}
      if (file === '' || begun === undefined) return []
      const needs = state === 'waiting' ? file : this.#needed(files, { file, position, begun })
      return [{ who: nameOf(identity), file, needs }]
    })
  }

  #seenAt({ begun, ...place }: Place, files: readonly FileInfo[]): SeenReplica {
    return { ...place, needs: this.#needed(files, { ...place, begun }) }
  }

  #needed(files: readonly FileInfo[], at: Position & { readonly begun: Position }): string {
    return neededFile(files, at, this.#unreceivedBytesMost)
  }

  #isConnected(uuid: string): boolean {
    return [...this.#connections.values()].some((one) => placeOf(one)?.uuid === uuid)
  }

  #connection(identity: ReplicaIdentity): Connection {
    const known = this.#connections.get(identity.connectionId)
    if (known !== undefined) {
      known.identity = identity
      return known
    }
    const connectedAtMs = this.#clock.nowMs()
    const nothing = { registration: undefined, dump: undefined, semiSync: undefined }
    const made = { identity, connectedAtMs, ...nothing }
    this.#connections.set(identity.connectionId, made)
    return made
  }
}

function placeOf({ identity, registration, dump }: Connection): Place | undefined {
  const { uuid, serverId, user, address } = identity
  if (uuid === undefined || dump === undefined || dump.nonBlocking) return undefined
  const { file, position, begun } = dump.progress
  if (begun === undefined) return undefined
  const { host = '' } = registration ?? {}
  const from = address.slice(0, address.lastIndexOf(':'))
  return { uuid, serverId, user, host: host === '' ? from : host, file, position, begun }
}

/** Its uuid, or `server_id N` where it has none. */
export function nameOfReplica({ uuid, serverId }: ReplicaIdentity): string {
  return uuid ?? `server_id ${serverId}`
}

function nameOf(identity: ReplicaIdentity): string {
  const { user, address } = identity
  return `${nameOfReplica(identity)} (${user}@${address})`
}

/** As MySQL tells replicas apart; but server_id 0, which every mysqlbinlog has, is nobody's. */
function isSame(older: ReplicaIdentity, newer: ReplicaIdentity): boolean {
  if (older.uuid !== undefined || newer.uuid !== undefined) return older.uuid === newer.uuid
  return newer.serverId !== 0 && older.serverId === newer.serverId
}

function lagOf(progress: DumpProgress, files: readonly FileInfo[]): number {
  const from = files.findIndex(({ name }) => name === progress.file)
  if (from === -1) return 0
  const whole = files.slice(from).reduce((sum, { size }) => sum + size, 0)
  return Math.max(0, whole - progress.position)
}
