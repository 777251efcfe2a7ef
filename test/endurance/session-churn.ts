import { once } from 'node:events'
import { connect } from 'node:net'
import { createConnection } from 'mysql2/promise'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { Kingbus } from '../e2e/harness/kingbus.ts'
import { replicationPassword, replicationUser } from '../e2e/harness/mysqld.ts'
import { pause } from '../e2e/harness/wait.ts'
import { DumpFollower } from './dump-follower.ts'

export interface ChurnOptions {
  readonly kingbus: Kingbus
  /** which process of Kingbus is up; undefined while it is restarted */
  readonly lifetime: () => number | undefined
  readonly random: SeededRandom
  /** rest between two clients */
  readonly restMs: number
}

const replicaUuids = 5
const stuckMs = 20_000

/**
 * Clients that come and go all the time: logins good and bad, half ones and garbage, statements, dumps that
 * end anyhow, HTTP. Each action knows how it must end while Kingbus is up; anything else is a surprise.
 */
export class SessionChurn {
  readonly #options: ChurnOptions
  readonly #kingbus: Kingbus
  readonly #random: SeededRandom
  readonly #actions: readonly (readonly [string, () => Promise<void>])[]
  readonly #counts = new Map<string, number>()
  readonly #surprises: string[] = []
  #replica = 0
  #stopping = false
  #ended: Promise<void> = Promise.resolve()

  static start(options: ChurnOptions): SessionChurn {
    const churn = new SessionChurn(options)
    churn.#ended = churn.#run()
    return churn
  }

  private constructor(options: ChurnOptions) {
    const { kingbus, random } = options
    this.#options = options
    this.#kingbus = kingbus
    this.#random = random
    this.#actions = [
      ['statements over TLS', () => this.#statements(true)],
      ['statements without TLS', () => this.#statements(false)],
      ['wrong password', () => this.#refused(replicationUser)],
      ['unknown user', () => this.#refused(`nobody_${random.text(8)}`)],
      ['half a login', () => this.#halfLogin(undefined)],
      ['garbage', () => this.#halfLogin(Buffer.from(random.text(random.between(1, 3_000))))],
      ['dump of the newest file', () => this.#dump('last', false)],
      ['dump that is reset', () => this.#dump('last', true)],
      ['dump of the oldest file', () => this.#dump('first', true)],
      ['two dumps of one replica', () => this.#sameReplicaTwice()],
      ['metrics', () => this.#http('/metrics', 200)],
      ['status', () => this.#http('/api/v1/status', 200)],
      ['no such page', () => this.#http(`/api/v1/${random.text(8)}`, 404)],
    ]
  }

  /** How often each action was done. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  /** What did not end as it must. */
  get surprises(): readonly string[] {
    return this.#surprises
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const [name, action] = this.#random.pick(this.#actions)
      const lifetime = this.#options.lifetime()
      if (lifetime !== undefined) await this.#perform(name, action, lifetime)
      await pause(this.#options.restMs)
    }
  }

  async #perform(name: string, action: () => Promise<void>, lifetime: number): Promise<void> {
    const gaveUp = new AbortController()
    const stuck = pause(stuckMs).then(() => {
      if (!gaveUp.signal.aborted) throw new Error(`no end after ${stuckMs} ms`)
    })
    stuck.catch(() => {})
    try {
      await Promise.race([action(), stuck])
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    } catch (thrown) {
      // Whatever a restart interrupts may end anyhow.
      if (this.#options.lifetime() !== lifetime) return
      this.#surprises.push(`${name}: ${String(thrown)}`)
    } finally {
      gaveUp.abort()
    }
  }

  async #statements(withTls: boolean): Promise<void> {
    const connection = await createConnection({
      host: '127.0.0.1',
      port: this.#kingbus.port,
      user: replicationUser,
      password: replicationPassword,
      ...(withTls ? { ssl: { rejectUnauthorized: false } } : {}),
    })
    connection.on('error', () => {})
    try {
      await connection.query('SELECT @@server_id, @@version')
      await connection.query('SHOW BINARY LOGS')
      await connection.query('SHOW REPLICAS')
      await connection.ping()
      await connection.query('SELECT * FROM nowhere').then(
        () => Promise.reject(new Error('a table that is nowhere was read')),
        () => {},
      )
    } finally {
      if (this.#random.chance(0.5)) connection.destroy()
      else await connection.end()
    }
  }

  async #refused(user: string): Promise<void> {
    const account = { host: '127.0.0.1', port: this.#kingbus.port, user, password: 'wrong' }
    const code = await createConnection(account).then(
      () => 'none',
      (thrown: { code?: string }) => thrown.code,
    )
    if (code !== 'ER_ACCESS_DENIED_ERROR') throw new Error(`the error was ${code}`)
  }

  /** Takes the greeting, answers with `bytes` or nothing, and goes. */
  async #halfLogin(bytes: Buffer | undefined): Promise<void> {
    const socket = connect(this.#kingbus.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'data')
    if (bytes === undefined) {
      socket.resetAndDestroy()
      return
    }
    const closed = once(socket, 'close')
    socket.end(bytes)
    await closed
  }

  async #dump(which: 'first' | 'last', abruptly: boolean): Promise<void> {
    const follower = this.#follower(which)
    try {
      await this.#untilBytes(follower)
    } finally {
      await follower.stop(abruptly)
    }
  }

  /** The second one ends the first, which comes back and ends the second. */
  async #sameReplicaTwice(): Promise<void> {
    const one = this.#follower('last')
    await this.#untilBytes(one)
    this.#replica -= 1
    const other = this.#follower('last')
    try {
      await this.#untilBytes(other)
      const deadline = performance.now() + 5_000
      while (one.connects < 2 && performance.now() < deadline) await pause(20)
      if (one.connects < 2) throw new Error('the older dump of one replica was not ended')
    } finally {
      await Promise.all([one.stop(), other.stop()])
    }
  }

  async #untilBytes(follower: DumpFollower): Promise<void> {
    const deadline = performance.now() + 5_000
    const wanted = this.#random.between(1, 100_000)
    // A file that was just begun may hold no more than its first two events for a while.
    while (follower.bytes < wanted && performance.now() < deadline) await pause(20)
    if (follower.bytes === 0) throw new Error(`a dump sent nothing: ${follower.lastError}`)
  }

  /** The oldest file may be purged any time: it is asked for by no name, and by nobody whom retention knows. */
  #follower(which: 'first' | 'last'): DumpFollower {
    const { port } = this.#kingbus
    if (which === 'first') return DumpFollower.start({ port, serverId: 499, file: '' })
    this.#replica = (this.#replica + 1) % replicaUuids
    return DumpFollower.start({
      port,
      serverId: 500 + this.#replica,
      uuid: `cccccccc-0000-4000-8000-00000000000${this.#replica}`,
      file: this.#kingbus.binlogs().at(-1)?.name ?? '',
    })
  }

  async #http(path: string, wanted: number): Promise<void> {
    const answer = await fetch(`${this.#kingbus.adminUrl}${path}`)
    await answer.text()
    if (answer.status !== wanted) throw new Error(`${path} answers ${answer.status}`)
  }
}
