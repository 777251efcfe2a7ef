import { Watch, waitUntil } from '../../lib/index.ts'
import { type Connection, listen, type TcpServer } from '../../platform/index.ts'

/** A source that takes connections and says nothing: whoever connects waits. */
export class SilentSource {
  /** connections, those that are closed too */
  accepted = 0
  readonly connections = new Watch<readonly Connection[]>([])
  #server: TcpServer | undefined

  static async listen(): Promise<SilentSource> {
    const source = new SilentSource()
    source.#server = await listen({
      host: '127.0.0.1',
      port: 0,
      keepAliveMs: 60_000,
      accept: (connection) => void source.#accept(connection),
    })
    return source
  }

  get port(): number {
    return this.#server?.port ?? 0
  }

  /** Waits until it has so many connections. */
  async has(count: number): Promise<void> {
    await waitUntil(this.connections, ({ length }) => length === count)
  }

  close(): void {
    for (const connection of this.connections.value) connection.destroy()
    this.#server?.close()
  }

  async #accept(connection: Connection): Promise<void> {
    this.accepted += 1
    this.connections.set([...this.connections.value, connection])
    while ((await connection.read()) !== undefined);
    this.connections.set(this.connections.value.filter((one) => one !== connection))
    connection.destroy()
  }
}
