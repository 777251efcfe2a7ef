/*
  A simulated MySQL source: accepts connections, answers what Kingbus asks, and dumps its history. It
  speaks packets, so that mysql2, the checks of a source and the dump are the real ones on our side.
*/
import { GtidSet } from '../../../src/mysql/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../../src/platform/testing/simulated-clock.ts'
import type { SourceHistory } from './history.ts'
import type { SemiSyncPlugin } from './semi-sync-plugin.ts'
import { SourceSession } from './session.ts'
import { SimulatedSocket } from './socket.ts'

export type SourceFault = 'connection cut' | 'bad checksum' | 'silence' | 'refused'

/** Below this much on its way, a dump sends more. */
const CUT_BYTES_MAX = 60_000

export class SourceServer {
  readonly history: SourceHistory
  readonly random: SeededRandom
  readonly clock: ProcessClock
  readonly met = new Map<SourceFault, number>()
  readonly #sessions = new Set<SourceSession>()
  /** undefined: it has none */
  semiSync: SemiSyncPlugin | undefined
  isUp = true
  /** connections that break by themselves after some bytes */
  cuts = true
  /** an event on its way is damaged with this probability */
  damage = 0
  /** monotonic; nobody hears anything before it */
  silentUntilMs = 0

  constructor(history: SourceHistory, clock: ProcessClock, random: SeededRandom) {
    this.history = history
    this.clock = clock
    this.random = random
  }

  connect(clock: ProcessClock): SimulatedSocket {
    const socket = new SimulatedSocket(clock, this.random)
    clock.after(this.random.fraction(), () => {
      if (!this.isUp) {
        this.count('refused')
        socket.refuse('ECONNREFUSED')
        return
      }
      const session = new SourceSession(this, socket)
      this.#sessions.add(session)
      if (this.cuts && this.random.chance(0.25)) {
        socket.cutAfter = this.random.between(1, CUT_BYTES_MAX)
        this.count('connection cut')
      }
    })
    return socket
  }

  left(session: SourceSession): void {
    this.#sessions.delete(session)
  }

  /** A commit waits for an acknowledgement. */
  get waits(): boolean {
    return [...this.#sessions].some(({ waits }) => waits)
  }

  /** There is more to send. */
  wrote(): void {
    for (const session of this.#sessions) session.pump()
  }

  cut(): void {
    for (const session of this.#sessions) session.cut()
  }

  /** All connections end, in order or not. */
  shutDown(how: 'stop' | 'crash'): void {
    this.isUp = false
    for (const session of this.#sessions) {
      if (how === 'stop') session.end()
      else session.cut()
    }
  }

  count(fault: SourceFault): void {
    this.met.set(fault, (this.met.get(fault) ?? 0) + 1)
  }

  /** Answers one statement: names and values of its one row; undefined: nothing to tell. */
  answer(sql: string): Record<string, string> | undefined {
    const { history } = this
    if (sql.startsWith('SELECT @@version')) return { version: '9.7.4' }
    if (sql.includes('@@server_uuid')) {
      return {
        account: 'repl@%',
        uuid: history.uuid,
        consistency: 'ON',
        id: '1',
        gtid_mode: 'ON',
        log_bin: '1',
        checksum: 'CRC32',
        encrypted: '0',
        expires: '0',
      }
    }
    if (sql === 'SHOW GRANTS') {
      return { grants: 'GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `repl`@`%`' }
    }
    if (sql.includes('gtid_owned')) return this.#sets()
    if (sql === 'SHOW BINARY LOG STATUS') {
      return { File: history.active.name, Position: String(history.active.size) }
    }
    return this.semiSync?.answer(sql)
  }

  #sets(): Record<string, string> {
    const { history } = this
    const { owned } = history
    return {
      owned: ownedText(owned),
      executed: history.executed().subtract(owned).toString(),
      purged: history.purged().toString(),
    }
  }
}

/** `uuid[:tag]:gno#thread` for each transaction, one behind the other. */
function ownedText(owned: GtidSet): string {
  if (owned.isEmpty) return ''
  const [uuid = '', ...rest] = owned.toString().replaceAll('\n', '').split(',')[0]?.split(':') ?? []
  const tag = rest.length > 1 ? `${rest[0]}:` : ''
  return `${uuid}:${tag}${rest.at(-1)?.split('-')[0]}#17`
}
