import { expect } from 'vitest'
import { isDisconnect } from './load.ts'
import type { Mysqld } from './mysqld.ts'

/**
 * Clients that insert rows of their own, each remembering what the server has told it is committed, until the
 * server is gone.
 */
export class Committers {
  readonly #known: number[] = []
  #stopping = false
  #ended: Promise<unknown> = Promise.resolve()

  static readonly definition =
    'CREATE TABLE IF NOT EXISTS test.seen (id BIGINT PRIMARY KEY, body BLOB)'

  static start(server: Mysqld, clients: number): Committers {
    const committers = new Committers()
    const running = Array.from({ length: clients }, (_, client) => committers.#run(server, client))
    committers.#ended = Promise.all(running)
    return committers
  }

  /** How many rows clients know to be committed. */
  get count(): number {
    return this.#known.length
  }

  /** Resolves when every client has lost the server, or has stopped. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
  }

  async expectAllIn(server: Mysqld): Promise<void> {
    const rows = await server.sql('SELECT id FROM test.seen')
    const there = new Set(rows.map((row) => Number(row['id'])))
    expect(this.#known.filter((id) => !there.has(id))).toEqual([])
  }

  async #run(server: Mysqld, client: number): Promise<void> {
    const connection = await server.connect()
    try {
      for (let row = client; !this.#stopping; row += 100) {
        await connection.query(`INSERT INTO test.seen VALUES (${row}, REPEAT('s', ${row % 5000}))`)
        this.#known.push(row)
      }
      await connection.end()
    } catch (thrown) {
      if (!isDisconnect(thrown)) throw thrown
      connection.destroy()
    }
  }
}
