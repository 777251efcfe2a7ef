import type { Connection } from 'mysql2/promise'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { Mysqld } from '../../e2e/harness/mysqld.ts'
import { pause } from '../../e2e/harness/wait.ts'

const CLIENTS = 2
const REST_MS = 20

/**
 * Clients that commit one transaction after another, each with a GTID of the client's own choice, so that what
 * the source has acknowledged is known without asking it.
 */
export class Acknowledged {
  readonly #uuids: readonly string[]
  readonly #counts: number[]
  readonly #connections: Connection[] = []
  #stopping = false
  #ended: Promise<unknown> = Promise.resolve()

  static async start(source: Mysqld, random: SeededRandom): Promise<Acknowledged> {
    await source.sql(
      'CREATE DATABASE IF NOT EXISTS acknowledged',
      'CREATE TABLE IF NOT EXISTS acknowledged.t (id BIGINT PRIMARY KEY AUTO_INCREMENT, body BLOB)',
    )
    const all = new Acknowledged(Array.from({ length: CLIENTS }, () => random.uuid()))
    const running = all.#uuids.map((uuid, client) => all.#run(source, uuid, client))
    all.#ended = Promise.all(running)
    // Whoever stops them is told.
    all.#ended.catch(() => {})
    return all
  }

  private constructor(uuids: readonly string[]) {
    this.#uuids = uuids
    this.#counts = uuids.map(() => 0)
  }

  /** How many transactions were acknowledged so far. */
  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0)
  }

  /** Their GTIDs. */
  get gtids(): string {
    const runs = this.#uuids.map((uuid, client) => [uuid, this.#counts[client] ?? 0] as const)
    return runs
      .filter(([, count]) => count > 0)
      .map(([uuid, count]) => `${uuid}:1-${count}`)
      .join(',')
  }

  /** Resolves when every client has the answer to its last commit. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
    await Promise.all(this.#connections.map((connection) => connection.end()))
  }

  async #run(source: Mysqld, uuid: string, client: number): Promise<void> {
    const connection = await source.connect()
    this.#connections.push(connection)
    for (let number = 1; !this.#stopping; number += 1) {
      await connection.query(`SET gtid_next='${uuid}:${number}'`)
      const body = `REPEAT('a', ${(number * 97) % 9000})`
      await connection.query(`INSERT INTO acknowledged.t (body) VALUES (${body})`)
      this.#counts[client] = number
      await pause(REST_MS)
    }
  }
}
