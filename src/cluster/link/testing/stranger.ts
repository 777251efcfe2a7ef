import { type Connection, connect, listen } from '../../../platform/index.ts'
import { Intake } from '../intake.ts'

/** A connection to a node by somebody who speaks by hand. */
export async function knock(url: URL): Promise<{ connection: Connection; intake: Intake }> {
  const { signal } = new AbortController()
  const connection = await connect({ host: url.hostname, port: Number(url.port) }, signal)
  return { connection, intake: new Intake(connection) }
}

/** Everything that comes until the end. */
export async function readToEnd(connection: Connection): Promise<Buffer> {
  const parts: Buffer[] = []
  for (;;) {
    const bytes = await connection.read()
    if (bytes === undefined) return Buffer.concat(parts)
    parts.push(bytes)
  }
}

/** Somebody who listens in the place of a node. */
export async function pose(
  answer: (connection: Connection, intake: Intake) => Promise<void>,
): Promise<{ readonly url: URL; readonly close: () => void }> {
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    keepAliveMs: 1000,
    accept: (connection) => void answer(connection, new Intake(connection)),
  })
  return { url: new URL(`http://127.0.0.1:${server.port}`), close: () => server.close() }
}
