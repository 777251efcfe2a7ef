import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, connect } from './net.ts'
import { makeServerCertificate } from './self-signed.ts'
import { makeServerTls } from './tls.ts'

const server = createServer((socket) => socket.destroy())
const made = await makeServerCertificate({
  commonName: 'kingbus',
  notBeforeMs: Date.parse('2026-05-01T00:00:00Z'),
  notAfterMs: Date.parse('2056-05-01T00:00:00Z'),
})

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise((resolve) => server.close(resolve)))

/** A connection that the other side has closed already. */
async function gone(): Promise<Connection> {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const connection = await connect({ host: '127.0.0.1', port }, new AbortController().signal)
  await new Promise<void>((resolve) => {
    if (connection.gone.aborted) resolve()
    else connection.gone.addEventListener('abort', () => resolve())
  })
  return connection
}

// Node's TLS over a socket that is closed says nothing, ever.
test.each(['client', 'server'] as const)(
  'a connection that is gone before TLS begins is told so to its %s',
  async (side) => {
    const tls = { ...made, authority: made.certificate, serverName: 'kingbus' }
    const secured = await (await gone()).secureMutually(side, tls)
    expect(secured).toEqual({ fault: { message: 'the connection ended', isStranger: false } })
  },
)

test('the same where only the server has a certificate', async () => {
  const secured = await (await gone()).secure(makeServerTls(made), Buffer.alloc(0))
  expect(secured).toBeUndefined()
})
