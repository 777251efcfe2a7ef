import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { Kingbus } from './harness/kingbus.ts'
import { followBinlogs } from './harness/mysqlbinlog.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { waitFor } from './harness/wait.ts'

let source: Mysqld
let kingbus: Kingbus

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1 })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  const sourceUrl = `mysql://${replicationUser}@127.0.0.1:${source.port}`
  kingbus = await Kingbus.start({ sourceUrl })
  await kingbus.waitForState('streaming')
  await kingbus.catchUpWith(source)
})

afterAll(endEverything)

interface Answer {
  readonly status: number
  readonly message: string
  readonly data: Record<string, unknown>
}

/** As the first Kingbus's documentation has it: the header always, also without a body. */
async function ask(method: 'GET' | 'PUT', path: string, body?: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  const given = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await fetch(`${kingbus.adminUrl}${path}`, { method, headers, ...given })
  const { message, data } = (await answer.json()) as Answer
  return { status: answer.status, message, data }
}

const done = { status: 200, message: 'success' }
const addr = (): string => `127.0.0.1:${kingbus.port}`

async function serverIdAs(user: string, password: string): Promise<unknown> {
  const connection = await createConnection({ port: kingbus.port, user, password })
  try {
    const [rows] = await connection.query('SELECT @@server_id AS id')
    return (rows as { id: unknown }[])[0]?.id
  } finally {
    connection.destroy()
  }
}

const usersFile = (): string => readFileSync(join(kingbus.folder, 'users.yaml'), 'utf8')

test('a server that is stopped ends its dumps and lets nobody connect until it is started', async () => {
  const first = kingbus.binlogs()[0]?.name ?? ''
  const follower = followBinlogs(kingbus, 77, first, join(kingbus.folder, 'followed'))
  await waitFor({ what: 'a slave' }, async () => {
    const { slaves } = (await ask('GET', '/binlog/server/status')).data
    return (slaves as { server_id: number }[]).some(({ server_id: id }) => id === 77)
  })
  expect(await ask('PUT', '/binlog/server/stop')).toMatchObject(done)
  await waitFor({ what: 'the end of the dump' }, async () => !follower.isRunning)
  await expect(serverIdAs(replicationUser, replicationPassword)).rejects.toThrow(/ECONNREFUSED/)
  const stopped = { status: 'stopped', addr: addr(), slaves: [] }
  expect((await ask('GET', '/binlog/server/status')).data).toMatchObject(stopped)
  expect((await fetch(`${kingbus.adminUrl}/readyz`)).status).toBe(503)
  // What the source does meanwhile is taken.
  await source.sql('INSERT INTO d.t VALUES (1)')
  await kingbus.catchUpWith(source)

  const start = { addr: addr(), user: 'kb', password: 'kb-s3cret' }
  expect(await ask('PUT', '/binlog/server/start', start)).toMatchObject(done)
  expect(await serverIdAs('kb', 'kb-s3cret')).toBeGreaterThan(0)
  expect(await serverIdAs(replicationUser, replicationPassword)).toBeGreaterThan(0)
  expect((await ask('GET', '/binlog/server/status')).data).toMatchObject({
    status: 'running',
    user: 'kb',
    password: '',
  })
  expect(usersFile()).not.toContain('kb-s3cret')
})

test('a server that runs takes a new user, once, and no other address', async () => {
  const start = { addr: addr(), user: 'kb2', password: 'kb2' }
  expect(await ask('PUT', '/binlog/server/start', start)).toMatchObject(done)
  expect(await serverIdAs('kb2', 'kb2')).toBeGreaterThan(0)
  const before = usersFile()
  expect(await ask('PUT', '/binlog/server/start', start)).toMatchObject(done)
  const other = await ask('PUT', '/binlog/server/start', { ...start, password: 'other' })
  expect(other).toMatchObject({ status: 409, message: expect.stringContaining('kb2 is in ') })
  const elsewhere = { ...start, addr: '127.0.0.2:3390', user: 'kb3' }
  expect(await ask('PUT', '/binlog/server/start', elsewhere)).toMatchObject({
    status: 409,
    message: expect.stringMatching(/\(serve\.listen\), not to 127\.0\.0\.2:3390/),
  })
  expect(usersFile()).toBe(before)
})

test('a syncer is stopped, and started with what is given', async () => {
  const { data } = await ask('GET', '/binlog/syncer/status')
  expect(data).toMatchObject({
    status: 'running',
    mysql_addr: `127.0.0.1:${source.port}`,
    mysql_user: replicationUser,
    mysql_password: '',
  })
  expect(await ask('PUT', '/binlog/syncer/stop')).toMatchObject(done)
  expect((await ask('GET', '/binlog/syncer/status')).data['status']).toBe('stopped')
  const start = { ...data, mysql_password: replicationPassword }
  const other = { ...start, mysql_addr: '127.0.0.1:1', mysql_password: 'other', syncer_id: 4711 }
  expect(await ask('PUT', '/binlog/syncer/start', other)).toMatchObject({ ...done, data: 0 })
  const given = { mysql_addr: '127.0.0.1:1', mysql_password: '', syncer_id: 4711 }
  expect((await ask('GET', '/binlog/syncer/status')).data).toMatchObject(given)
  expect(await ask('PUT', '/binlog/syncer/start', start)).toMatchObject({ ...done, data: 0 })
  await kingbus.waitForState('streaming')
})

test('a node that ends while its server is stopped ends as any other', async () => {
  await ask('PUT', '/binlog/server/stop')
  await kingbus.stop()
  expect(kingbus.exitCode).toBe(0)
  await kingbus.launch()
  expect(await serverIdAs('kb', 'kb-s3cret')).toBeGreaterThan(0)
})
