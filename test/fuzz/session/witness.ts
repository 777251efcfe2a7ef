import { type Connection, createConnection } from 'mysql2/promise'
import type { Kingbus } from '../../e2e/harness/kingbus.ts'
import { replicationPassword, replicationUser } from '../../e2e/harness/mysqld.ts'
import { pause } from '../../e2e/harness/wait.ts'

const STEP_MS = 50

/** A client that does nothing wrong, and that must notice nothing: it asks for 1, again and again. */
export class Witness {
  readonly #connection: Connection
  #running = true
  readonly #ended: Promise<void>
  readonly waitsMs: number[] = []
  #fault: unknown

  static async start(kingbus: Kingbus): Promise<Witness> {
    const connection = await createConnection({
      host: kingbus.host,
      port: kingbus.port,
      user: replicationUser,
      password: replicationPassword,
    })
    return new Witness(connection)
  }

  private constructor(connection: Connection) {
    this.#connection = connection
    connection.on('error', (thrown: unknown) => {
      this.#fault ??= thrown
    })
    this.#ended = this.#ask()
  }

  async #ask(): Promise<void> {
    while (this.#running) {
      const begun = performance.now()
      try {
        await this.#connection.query('SELECT 1')
      } catch (thrown) {
        this.#fault ??= thrown
        return
      }
      this.waitsMs.push(performance.now() - begun)
      await pause(STEP_MS)
    }
  }

  /** What went wrong, if anything. */
  async stop(): Promise<unknown> {
    this.#running = false
    await this.#ended
    this.#connection.destroy()
    return this.#fault
  }
}
