import { afterEach, expect, test } from 'vitest'
import { OperationalError } from '../lib/index.ts'
import type { NodeFace } from './node-face.ts'
import type { AdminApp } from './server.ts'
import { buildExampleApp } from './testing/build-app.ts'

let app: AdminApp | undefined
afterEach(async () => {
  await app?.close()
})

async function ask(node: Partial<NodeFace>, request: string, payload?: object) {
  await app?.close()
  app = await buildExampleApp(node)
  const [method, url] = request.split(' ') as ['GET', string]
  return await app.inject({ method, url, ...(payload === undefined ? {} : { payload }) })
}

const HASH = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'

test('retention is changed in what is given, and answered as it is then', async () => {
  const changes: unknown[] = []
  const setRetention = async (change: unknown) => void changes.push(change)
  const answer = await ask({ setRetention }, 'PUT /api/v1/retention', { maxAgeMs: null })
  expect(answer.json()).toEqual({
    maxSizeBytes: 10_737_418_240,
    maxAgeMs: null,
    keepForAbsentReplicasMs: 86_400_000,
    ceilingBytes: null,
  })
  expect(changes).toEqual([{ maxAgeMs: null }])
  for (const wrong of [
    { maxSizeBytes: 0 },
    { maxAgeMs: 1.5 },
    { keepForAbsentReplicasMs: null },
    { ceilingBytes: 0 },
    { maxAge: 1 },
    { maxSizeBytes: '1' },
  ]) {
    expect((await ask({ setRetention }, 'PUT /api/v1/retention', wrong)).statusCode).toBe(400)
  }
  expect(changes).toHaveLength(1)
})

test('what a node does not know yet is not answered with something else', async () => {
  const retention = () => {
    throw new OperationalError('E_ETCD_UNAVAILABLE', 'not yet')
  }
  expect((await ask({ retention }, 'GET /api/v1/retention')).statusCode).toBe(503)
})

test('users are added by password or by hash, and removed by name', async () => {
  const calls: unknown[] = []
  const node: Partial<NodeFace> = {
    addUser: async (user) => void calls.push(user),
    removeUser: async (name) => void calls.push(name),
  }
  const added = await ask(node, 'POST /api/v1/users', { name: 'a', password: 's3cret' })
  expect(added.json()).toMatchObject([{ name: 'repl', rights: ['replicate'], requireTls: false }])
  await ask(node, 'POST /api/v1/users', { name: 'b', passwordHash: HASH, rights: ['monitor'] })
  await ask(node, 'DELETE /api/v1/users/a%2Fb')
  expect(calls).toEqual([
    { name: 'a', password: 's3cret', rights: ['replicate'] },
    { name: 'b', passwordHash: HASH, rights: ['monitor'] },
    'a/b',
  ])
})

test.each([
  { name: 'a' },
  { name: 'a', password: 's3cret', passwordHash: HASH },
  { name: 'a', passwordHash: 's3cret' },
  { name: 'a', password: '' },
  { name: '', password: 's3cret' },
  { name: 'a'.repeat(33), password: 's3cret' },
  { name: 'a', password: 's3cret', rights: ['all'] },
  { name: 'a', password: 's3cret', right: ['monitor'] },
  { name: 'a', passwordHash: HASH, plugin: 'mysql_native_password' },
  { name: 'a', password: 's3cret', requireSubject: 'replica1' },
  { name: 'a', password: 's3cret', taggedGtids: 'gone' },
])('a user like %j is refused, in words without the password', async (user) => {
  const addUser = () => Promise.reject(new Error('it was added'))
  const answer = await ask({ addUser }, 'POST /api/v1/users', user)
  expect(answer.statusCode).toBe(400)
  expect(answer.json().message).not.toContain('s3cret')
})

test('a user who is not there is answered 404', async () => {
  const removeUser = () => Promise.reject(new OperationalError('E_USER_UNKNOWN', 'no such user'))
  const answer = await ask({ removeUser }, 'DELETE /api/v1/users/a')
  expect(answer.statusCode).toBe(404)
})
