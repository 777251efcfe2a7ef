/*
  Who is connected and what they read: for SHOW REPLICAS, the API and the dump that ends an older
  one of the same replica; and what replicas that are away will ask for when they come back, for
  retention.
*/
import type { Clock } from '../platform/index.ts'
import { compareFileNames, type FileInfo } from '../store/index.ts'
import type { ReplicaIdentity } from './dump-request.ts'

/** Replicas that are away and remembered; the one that left first is forgotten at the bound. */
const ABSENT_MAX = 1000

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
  state: 'sending' | 'waiting'
  bytesSent: number
}

export interface ReplicaRow extends ReplicaIdentity {
  /** undefined for a client that never registered, as mysqlbinlog; SHOW REPLICAS leaves it out */
  readonly registration: Registration | undefined
  /** milliseconds since 1970 */
  readonly connectedAtMs: number
  /** undefined when it has registered and not begun a dump */
  readonly dump: (Readonly<DumpProgress> & { readonly lagBytes: number }) | undefined
}

interface Connection {
  identity: ReplicaIdentity
  registration: Registration | undefined
  connectedAtMs: number
  dump: { progress: DumpProgress; replace: () => void } | undefined
}

interface Absent {
  readonly file: string
  readonly leftAtMs: number
}

export class Replicas {
  readonly #clock: Clock
  readonly #connections = new Map<number, Connection>()
  /** by uuid, in the order in which they left */
  readonly #absent = new Map<string, Absent>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  register(identity: ReplicaIdentity, registration: Registration): void {
    this.#connection(identity).registration = registration
  }

  /**
   * @param replace ends this dump when a newer one of the same replica begins; does not wait for it
   */
  beginDump(identity: ReplicaIdentity, progress: DumpProgress, replace: () => void): void {
    for (const { dump, identity: other } of this.#connections.values()) {
      if (other.connectionId !== identity.connectionId && isSame(other, identity)) dump?.replace()
    }
    if (identity.uuid !== undefined) this.#absent.delete(identity.uuid)
    this.#connection(identity).dump = { progress, replace }
  }

  /** The connection is gone, with its dump. */
  disconnect(connectionId: number): void {
    const gone = this.#connections.get(connectionId)
    if (gone === undefined) return
    this.#connections.delete(connectionId)
    const { uuid } = gone.identity
    const file = gone.dump?.progress.file ?? ''
    const isBack = [...this.#connections.values()].some(({ identity }) => identity.uuid === uuid)
    if (uuid === undefined || file === '' || isBack) return
    this.#absent.delete(uuid)
    this.#absent.set(uuid, { file, leftAtMs: this.#clock.monotonicMs() })
    for (const first of this.#absent.keys()) {
      if (this.#absent.size <= ABSENT_MAX) return
      this.#absent.delete(first)
    }
  }

  /** @param files what the store shows, oldest first */
  list(files: readonly FileInfo[]): ReplicaRow[] {
    return [...this.#connections.values()].map(
      ({ identity, registration, connectedAtMs, dump }) => ({
        ...identity,
        registration,
        connectedAtMs,
        dump:
          dump === undefined
            ? undefined
            : { ...dump.progress, lagBytes: lagOf(dump.progress, files) },
      }),
    )
  }

  /**
   * The oldest file that a replica with a uuid needs which left at most `keepMs` ago; undefined:
   * none.
   */
  neededFrom(keepMs: number): string | undefined {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#absent.values()]
      .filter(({ leftAtMs }) => nowMs - leftAtMs <= keepMs)
      .map(({ file }) => file)
      .sort(compareFileNames)[0]
  }

  #connection(identity: ReplicaIdentity): Connection {
    const known = this.#connections.get(identity.connectionId)
    if (known !== undefined) {
      known.identity = identity
      return known
    }
    const connectedAtMs = this.#clock.nowMs()
    const made = { identity, registration: undefined, connectedAtMs, dump: undefined }
    this.#connections.set(identity.connectionId, made)
    return made
  }
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
