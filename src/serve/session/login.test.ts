import mysql, { type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FakeServer, startFakeServer } from '../testing/fake-server.ts'

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
