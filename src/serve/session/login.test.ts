import { constants, publicEncrypt } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import * as tls from 'node:tls'
import mysql, { type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Capability, decodeErr, encodeOk, encodeSslRequest } from '../../mysql/index.ts'
import { ClientAuthority } from '../testing/client-authority.ts'
import { type FakeServer, startFakeServer } from '../testing/fake-server.ts'
import { handshakeResponse, RawClient } from '../testing/raw-client.ts'

let server: FakeServer
const open: Connection[] = []

beforeAll(async () => {
  server = await startFakeServer()
})

afterAll(async () => {
  for (const connection of open) connection.destroy()
  await server.close()
})

const TLS = { ssl: { rejectUnauthorized: false } }

async function login(
  user: string,
  password: string,
  options: ConnectionOptions = {},
): Promise<Connection> {
  const { port } = server
  const connection = await mysql.createConnection({
    host: '127.0.0.1',
    port,
    user,
    password,
    ...options,
  })
  open.push(connection)
  return connection
}

async function sslVersion(connection: Connection): Promise<unknown> {
  const [rows] = await connection.query<RowDataPacket[]>("SHOW STATUS LIKE 'Ssl_version'")
  return rows[0]?.['Value']
}

test.each([
  ['repl', 'plain secret'],
  ['hashed', 'correct horse'],
  ['native', 'password'],
  ['nobody', ''],
])('user %s logs in with and without TLS, the first time and again', async (user, password) => {
  for (const options of [TLS, {}, TLS, {}]) {
    const connection = await login(user, password, options)
    expect(await sslVersion(connection)).toBe('ssl' in options ? 'TLSv1.3' : '')
    await connection.end()
  }
})

test.each([
  ['repl', 'wrong', 'YES'],
  ['hashed', 'wrong', 'YES'],
  ['native', 'wrong', 'YES'],
  ['nobody', 'wrong', 'YES'],
  ['who', 'wrong', 'YES'],
  ['repl', '', 'NO'],
  ['hashed', '', 'NO'],
  ['who', '', 'NO'],
])('user %s with the password "%s" is refused in the same words', async (user, password, used) => {
  for (const options of [TLS, {}]) {
    await expect(login(user, password, options)).rejects.toMatchObject({
      errno: 1045,
      sqlState: '28000',
      message: `Access denied for user '${user}'@'127.0.0.1' (using password: ${used})`,
    })
  }
})

test('a session becomes another user, and is closed when that is refused', async () => {
  const connection = await login('repl', 'plain secret', TLS)
  await connection.changeUser({ user: 'hashed', password: 'correct horse', database: 'app' })
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT CURRENT_USER() AS u, DATABASE() AS d',
  )
  expect(rows).toEqual([{ u: 'hashed@%', d: 'app' }])
  await expect(connection.changeUser({ user: 'who', password: 'x' })).rejects.toMatchObject({
    errno: 1045,
  })
})

test('a session that becomes another user in a database that none can be is told so and closed', async () => {
  const connection = await login('repl', 'plain secret', TLS)
  const long = { user: 'hashed', password: 'correct horse', database: 'd'.repeat(65) }
  await expect(connection.changeUser(long)).rejects.toMatchObject({ errno: 1059 })
  await expect(connection.query('SELECT 1')).rejects.toThrow(/closed/)
})

describe('a user who must have TLS or a certificate', () => {
  let asking: FakeServer
  let authority: ClientAuthority
  let stranger: ClientAuthority

  beforeAll(async () => {
    authority = await ClientAuthority.make('CN=our CA')
    stranger = await ClientAuthority.make('CN=our CA')
    asking = await startFakeServer({ clientAuthority: authority.certificate })
  })
  afterAll(async () => await asking.close())

  /** Undefined when it is let in, else the number of the error. */
  async function refusal(user: string, ssl?: object): Promise<number | undefined> {
    const options = ssl === undefined ? {} : { ssl: { rejectUnauthorized: false, ...ssl } }
    const account = { host: '127.0.0.1', port: asking.port, user, password: 'plain secret' }
    try {
      open.push(await mysql.createConnection({ ...account, ...options }))
      return undefined
    } catch (thrown) {
      return (thrown as { errno?: number }).errno
    }
  }

  async function shown(from: ClientAuthority, subject: string): Promise<object> {
    const { certificate, key } = await from.issue(subject)
    return { cert: certificate, key }
  }

  test('is let in with what is needed and refused as with a wrong password without it', async () => {
    const [right, other] = ['O=Example, CN=replica1', 'O=Example, CN=replica2']
    const cases: readonly [string, object | undefined, boolean][] = [
      ['repl', undefined, true],
      ['repl', {}, true],
      ['repl', await shown(stranger, right), true],
      ['secure', undefined, false],
      ['secure', {}, true],
      ['certified', undefined, false],
      ['certified', {}, false],
      ['certified', await shown(stranger, right), false],
      ['certified', await shown(authority, other), true],
      ['named', await shown(authority, other), false],
      ['named', await shown(stranger, right), false],
      ['named', await shown(authority, right), true],
    ]
    for (const [user, ssl, isLetIn] of cases) {
      expect(await refusal(user, ssl), user).toBe(isLetIn ? undefined : 1045)
    }
  })

  test('has the same over TLS 1.2', async () => {
    const tls12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }
    expect(
      await refusal('named', { ...tls12, ...(await shown(authority, 'O=Example, CN=replica1')) }),
    ).toBe(undefined)
    expect(await refusal('named', tls12)).toBe(1045)
  })
})

/** One who connects from an address that is not the loopback's own, so that it may be blocked. */
async function comeFrom(localAddress: string): Promise<RawClient> {
  const stream = connect({ host: '127.0.0.1', port: server.port, localAddress })
  await once(stream, 'connect')
  return new RawClient(stream)
}

/** Tries a wrong password, up to where the whole of it is asked for. */
async function guessFrom(localAddress: string): Promise<RawClient> {
  const client = await comeFrom(localAddress)
  await client.readGreeting()
  client.send(handshakeResponse('repl', Buffer.alloc(32, 1)), 1)
  expect(await client.mustRead()).toEqual(Buffer.of(1, 4))
  return client
}

describe('a host whose logins are refused', () => {
  beforeEach(async () => {
    await server.close()
    server = await startFakeServer({ limits: { loginRefusalsMost: 3 } })
  })

  test('is told 1129 from then on, and another host is not', async () => {
    for (let count = 0; count < 3; count += 1) {
      const client = await guessFrom('127.0.0.2')
      client.send(Buffer.of(2), 3)
      await client.mustRead()
      client.send(Buffer.alloc(256), 5)
      expect(decodeErr(await client.mustRead()).code).toBe(1045)
    }
    const blocked = await comeFrom('127.0.0.2')
    const error = decodeErr(await blocked.mustRead())
    expect(error).toMatchObject({ code: 1129, sqlState: 'HY000' })
    expect(error.message).toMatch(/^Host '127\.0\.0\.2' is blocked .* in 30 seconds$/)
    expect(await blocked.read()).toBeUndefined()
    const other = await comeFrom('127.0.0.3')
    expect(await other.login('repl', 'plain secret')).toEqual(encodeOk())
    expect(server.counts).toMatchObject({ loginsRefused: 3, blocked: 1 })
  })

  test('is blocked too when it leaves once it knows that its guess is wrong', async () => {
    for (let count = 0; count < 3; count += 1) {
      const client = await guessFrom('127.0.0.2')
      client.stream.end()
      expect(await client.read()).toBeUndefined()
    }
    const blocked = await comeFrom('127.0.0.2')
    expect(decodeErr(await blocked.mustRead()).code).toBe(1129)
  })

  test('and who only looks whether we are there is neither counted nor blocked', async () => {
    for (let count = 0; count < 10; count += 1) {
      const probe = await comeFrom('127.0.0.2')
      if (count % 2 === 0) await probe.readGreeting()
      probe.stream.end()
      await once(probe.stream, 'close')
    }
    const client = await comeFrom('127.0.0.2')
    expect(await client.login('repl', 'plain secret')).toEqual(encodeOk())
    expect(server.counts).toMatchObject({ loginsRefused: 0, blocked: 0 })
  })
})

test('a client that asks for the key under TLS gets it, and may encrypt its password there too', async () => {
  const plain = await RawClient.connect(server.port)
  const { scramble } = await plain.readGreeting()
  const capabilities = Capability.PROTOCOL_41 | Capability.SSL
  plain.send(encodeSslRequest({ capabilities, packetMost: 1024, collation: 255 }), 1)
  plain.stream.removeAllListeners('data')
  const client = new RawClient(tls.connect({ socket: plain.stream, rejectUnauthorized: false }))
  client.send(handshakeResponse('hashed', Buffer.alloc(32, 1)), 2)
  expect(await client.mustRead()).toEqual(Buffer.of(1, 4))
  client.send(Buffer.of(2), 4)
  const answer = await client.mustRead()
  expect(answer[0]).toBe(1)
  const masked = Buffer.from('correct horse\0').map((byte, at) => byte ^ (scramble[at % 20] ?? 0))
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const key = answer.toString('latin1', 1)
  client.send(publicEncrypt({ key, padding }, masked), 6)
  expect(await client.mustRead()).toEqual(encodeOk())
})
