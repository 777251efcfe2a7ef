import type { Connection } from 'mysql2/promise'
import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { Mysqld } from './mysqld.ts'
import { pause } from './wait.ts'

export interface LoadOptions {
  readonly seed: number
  /** rest between transactions of one connection; 0 goes as fast as the source does */
  readonly restMs?: number
  /** probability that a transaction is a big one (some MB); default 0.002 */
  readonly bigShare?: number
  readonly schema?: string
}

const tables = ['account', 'entry', 'note'] as const

/** Makes the tables that the load writes to. */
async function createTables(server: Mysqld, schema: string): Promise<void> {
  await server.sql(
    `CREATE DATABASE IF NOT EXISTS ${schema}`,
    `CREATE TABLE IF NOT EXISTS ${schema}.account
       (id INT PRIMARY KEY AUTO_INCREMENT, owner VARCHAR(64), balance BIGINT, KEY (owner))`,
    `CREATE TABLE IF NOT EXISTS ${schema}.entry
       (id BIGINT PRIMARY KEY AUTO_INCREMENT, account INT, amount INT, at DATETIME(6), doc JSON)`,
    `CREATE TABLE IF NOT EXISTS ${schema}.note (id INT PRIMARY KEY AUTO_INCREMENT, body LONGBLOB)`,
  )
}

/**
 * A seeded mix of inserts, updates, deletes, DDL, tagged GTIDs, rollbacks and big transactions on one
 * connection. What was acknowledged by the source is counted; a source that goes away, or may not be written to,
 * only pauses it.
 */
export class Load {
  readonly #server: Mysqld
  readonly #random: SeededRandom
  readonly #options: LoadOptions
  readonly #schema: string
  #connection: Connection | undefined
  #stopping = false
  #ended: Promise<void> = Promise.resolve()
  #committed = 0

  private constructor(server: Mysqld, options: LoadOptions) {
    this.#server = server
    this.#options = options
    this.#schema = options.schema ?? 'load_test'
    this.#random = new SeededRandom(options.seed)
  }

  static async start(server: Mysqld, options: LoadOptions): Promise<Load> {
    const load = new Load(server, options)
    await createTables(server, load.#schema)
    load.#ended = load.#run()
    return load
  }

  /** Transactions that the source has acknowledged so far. */
  get committed(): number {
    return this.#committed
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
    await this.#connection?.end().catch(() => {})
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        this.#connection ??= await this.#connect()
        await this.#transaction(this.#connection)
        this.#committed += 1
      } catch (thrown) {
        if (!isDisconnect(thrown)) throw thrown
        this.#connection?.destroy()
        this.#connection = undefined
        await pause(50)
      }
      if (this.#options.restMs) await pause(this.#options.restMs)
    }
  }

  async #connect(): Promise<Connection> {
    const connection = await this.#server.connect()
    await connection.query(`USE ${this.#schema}`)
    return connection
  }

  async #transaction(connection: Connection): Promise<void> {
    const random = this.#random
    if (random.chance(0.005)) return await this.#ddl(connection)
    const tag = random.chance(0.2) ? `:${random.pick(['blue', 'green'])}` : ''
    await connection.query(`SET gtid_next='AUTOMATIC${tag}'`)
    await connection.query('BEGIN')
    if (random.chance(this.#options.bigShare ?? 0.002)) {
      for (let row = 0; row < 40; row += 1) {
        await connection.query('INSERT INTO note (body) VALUES (REPEAT(?, 3000))', [
          random.text(32),
        ])
      }
    }
    const statements = random.between(1, 6)
    for (let index = 0; index < statements; index += 1) await this.#statement(connection)
    if (random.chance(0.05)) {
      await connection.query('SAVEPOINT before_more')
      await this.#statement(connection)
      await connection.query('ROLLBACK TO before_more')
    }
    await connection.query(random.chance(0.03) ? 'ROLLBACK' : 'COMMIT')
  }

  async #statement(connection: Connection): Promise<void> {
    const random = this.#random
    const kind = random.fraction()
    const id = random.between(1, 200)
    if (kind < 0.35) {
      const values = [id, random.between(-500, 500), JSON.stringify({ text: random.text(40) })]
      const columns = '(account, amount, at, doc) VALUES (?, ?, NOW(6), ?)'
      await connection.query(`INSERT INTO entry ${columns}`, values)
    } else if (kind < 0.55) {
      const values = [random.text(12), random.between(0, 9999)]
      await connection.query('INSERT INTO account (owner, balance) VALUES (?, ?)', values)
    } else if (kind < 0.8) {
      await connection.query('UPDATE account SET balance = balance + ? WHERE id = ?', [id, id])
    } else if (kind < 0.9) {
      await connection.query("UPDATE entry SET doc = JSON_SET(doc, '$.n', ?) WHERE id = ?", [
        id,
        id,
      ])
    } else {
      await connection.query('DELETE FROM entry WHERE id = ?', [random.between(1, 2000)])
    }
  }

  async #ddl(connection: Connection): Promise<void> {
    const table = this.#random.pick(tables)
    const column = `extra_${this.#random.text(6)}`
    await connection.query("SET gtid_next='AUTOMATIC'")
    await connection.query(`ALTER TABLE ${table} ADD COLUMN ${column} INT DEFAULT 7`)
    await connection.query(`ALTER TABLE ${table} DROP COLUMN ${column}`)
  }
}

const disconnects = new Set([
  // A server that shuts down interrupts what runs.
  'ER_QUERY_INTERRUPTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'PROTOCOL_CONNECTION_LOST',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  // One that is demoted: super_read_only.
  'ER_OPTION_PREVENTS_STATEMENT',
  // One whose semi-sync plugin is being taken out, or somebody tries to.
  'ER_RUN_HOOK_ERROR',
])

export function isDisconnect(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false
  if ('code' in thrown && disconnects.has(String(thrown.code))) return true
  return 'message' in thrown && /closed state|lost|closed/i.test(String(thrown.message))
}
