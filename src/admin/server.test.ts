import { afterEach, describe, expect, test } from 'vitest'
import { InvariantError, OperationalError, silentLogger } from '../lib/index.ts'
import { AdminClient } from './client.ts'
import type { NodeFace } from './node-face.ts'
import { type AdminApp, buildAdmin, listenAdmin } from './server.ts'
import { exampleNode, exampleStatus, exampleSwitch } from './testing/example-node.ts'

const TOKEN = 'a-token-of-some-length'
const LOOPBACK = { host: '127.0.0.1', port: 0 }
const apps: AdminApp[] = []
const bugs: InvariantError[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
  bugs.length = 0
})

async function build(node: Partial<NodeFace> = {}, token?: string): Promise<AdminApp> {
  const app = await buildAdmin({
    node: { ...exampleNode, ...node },
    version: '1.2.3',
    log: silentLogger,
    token,
    tls: undefined,
    onBug: (bug) => bugs.push(bug),
  })
  apps.push(app)
  return app
}

describe('routes', () => {
  test('the status is what the node says of itself', async () => {
    const answer = await (await build()).inject('/api/v1/status')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual(exampleStatus)
  })

  test('files, replicas and source are parts of the status', async () => {
    const app = await build()
    expect((await app.inject('/api/v1/files')).json()).toEqual(exampleNode.files())
    expect((await app.inject('/api/v1/replicas')).json()).toEqual(exampleStatus.replicas)
    expect((await app.inject('/api/v1/source')).json()).toEqual(exampleStatus.source)
  })

  test('start and stop reach the node, and only by POST', async () => {
    const calls: string[] = []
    const app = await build({
      startSource: async () => {
        calls.push('start')
        return exampleStatus.source
      },
      stopSource: async () => {
        calls.push('stop')
        return exampleStatus.source
      },
    })
    await app.inject({ method: 'POST', url: '/api/v1/source/stop' })
    await app.inject({ method: 'POST', url: '/api/v1/source/start' })
    expect((await app.inject('/api/v1/source/stop')).statusCode).toBe(404)
    expect(calls).toEqual(['stop', 'start'])
  })

  test('a switch of the source reaches the node, with an address and nothing unknown', async () => {
    const requests: unknown[] = []
    const app = await build({
      switchSource: async (request) => {
        requests.push(request)
        return exampleSwitch
      },
    })
    const ask = async (payload: object) =>
      await app.inject({ method: 'POST', url: '/api/v1/source/switch', payload })
    const answer = await ask({ address: 'db2:3306', user: 'repl', password: 's3cret' })
    expect(answer.json()).toEqual(exampleSwitch)
    await ask({ address: 'db2:3306', dryRun: true })
    const address = { host: 'db2', port: 3306 }
    expect(requests).toEqual([
      { address, user: 'repl', password: 's3cret', dryRun: false },
      { address, dryRun: true },
    ])
    for (const wrong of [{}, { address: 'db2:3306', startAt: 'newest' }, { address: 'db2' }]) {
      expect((await ask(wrong)).statusCode).toBe(400)
    }
    expect(requests).toHaveLength(2)
  })

  test('a switch that is refused is a conflict, with why', async () => {
    const refusal = new OperationalError('E_SWITCH_REFUSED', 'it lacks transactions')
    const app = await build({ switchSource: async () => await Promise.reject(refusal) })
    const payload = { address: 'db2:3306' }
    const answer = await app.inject({ method: 'POST', url: '/api/v1/source/switch', payload })
    expect(answer.statusCode).toBe(409)
    expect(answer.json()).toEqual({ code: 'E_SWITCH_REFUSED', message: 'it lacks transactions' })
  })

  test('settings of the source reach the node, those that are given, and no unknown ones', async () => {
    const changes: unknown[] = []
    const app = await build({
      setSource: async (change) => {
        changes.push(change)
        return exampleStatus.source
      },
    })
    const set = async (payload: object) =>
      await app.inject({ method: 'PUT', url: '/api/v1/source', payload })
    const answer = await set({ address: '[::1]:3306', password: 's3cret', caFile: null })
    expect(answer.json()).toEqual(exampleStatus.source)
    expect(changes).toEqual([
      { address: { host: '::1', port: 3306 }, password: 's3cret', caFile: null },
    ])
    for (const wrong of [
      { pasword: 's3cret' },
      { tls: 's3cret' },
      { address: 'h' },
      { user: '' },
    ]) {
      const refused = await set(wrong)
      expect(refused.statusCode).toBe(400)
      expect(refused.body).not.toContain('s3cret')
    }
    expect(changes).toHaveLength(1)
  })

  test('a request that the state forbids is answered 409 with its code', async () => {
    const app = await build({
      startSource: async () => {
        throw new OperationalError('E_SOURCE_UNCONFIGURED', 'there is no source')
      },
    })
    const answer = await app.inject({ method: 'POST', url: '/api/v1/source/start' })
    expect(answer.statusCode).toBe(409)
    expect(answer.json()).toEqual({ code: 'E_SOURCE_UNCONFIGURED', message: 'there is no source' })
  })

  test.each([
    ['E_CONFIG_INVALID', 400],
    ['E_USER_UNKNOWN', 404],
    ['E_CHANGE_UNSETTLED', 409],
    ['E_NOT_LEADER', 503],
    ['E_ETCD_UNAVAILABLE', 503],
    ['E_PEER_UNREACHABLE', 503],
    ['E_CLUSTER_LATE', 504],
    ['E_STORE_WRITE', 500],
  ] as const)('a command that ends with %s is answered %i, on both faces', async (code, status) => {
    const app = await build({
      stopSource: () => Promise.reject(new OperationalError(code, 'because')),
    })
    const answer = await app.inject({ method: 'POST', url: '/api/v1/source/stop' })
    expect([answer.statusCode, answer.json()]).toEqual([status, { code, message: 'because' }])
    const first = await app.inject({ method: 'PUT', url: '/binlog/syncer/stop' })
    expect([first.statusCode, first.json()]).toEqual([status, { message: 'because', data: null }])
  })

  test('a node that cannot serve is alive but not ready, with the reason', async () => {
    const app = await build({ notReady: () => 'the listener is closed' })
    expect((await app.inject('/healthz')).statusCode).toBe(200)
    const answer = await app.inject('/readyz')
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toEqual({ ready: false, reason: 'the listener is closed' })
  })

  test('metrics are passed on as they are', async () => {
    const answer = await (await build()).inject('/metrics')
    expect(answer.body).toBe('kingbus_info 1\n')
    expect(answer.headers['content-type']).toContain('text/plain')
  })

  test('OpenAPI describes every route under /api/v1, with the fields of the answers', async () => {
    const document = (await (await build()).inject('/api/v1/openapi.json')).json()
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/api/v1/status', '/api/v1/source/start', '/readyz']),
    )
    expect(JSON.stringify(document)).toContain('safeToPurgeTo')
    expect(document.info).toEqual({ title: 'Kingbus', version: '1.2.3' })
  })

  test('an unknown path is answered 404 in JSON', async () => {
    const answer = await (await build()).inject('/api/v1/nothing')
    expect(answer.statusCode).toBe(404)
    expect(answer.json().message).toContain('/api/v1/nothing')
  })

  test('our own bug is answered 500 and handed on', async () => {
    const bug = new InvariantError('two and two make five')
    const app = await build({ status: () => Promise.reject(bug) })
    expect((await app.inject('/api/v1/status')).statusCode).toBe(500)
    expect(bugs).toEqual([bug])
  })
})

describe('the token', () => {
  test('is asked for everywhere but at the probes', async () => {
    const app = await build({}, TOKEN)
    for (const url of ['/api/v1/status', '/metrics', '/api/v1/openapi.json', '/nothing']) {
      const answer = await app.inject(url)
      expect([url, answer.statusCode, answer.json().code]).toEqual([url, 401, 'E_ADMIN_REFUSED'])
    }
    expect((await app.inject('/healthz?verbose')).statusCode).toBe(200)
    expect((await app.inject('/readyz')).statusCode).toBe(200)
  })

  test('opens the door, and another one does not', async () => {
    const app = await build({}, TOKEN)
    const status = async (token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` }
      return (await app.inject({ url: '/api/v1/status', headers })).statusCode
    }
    expect(await status(TOKEN)).toBe(200)
    expect(await status(`${TOKEN}x`)).toBe(401)
  })
})

describe('the client', () => {
  test('gets what the node says, over a real connection', async () => {
    const url = await listenAdmin(await build({}, TOKEN), LOOPBACK)
    const client = new AdminClient({ url, token: TOKEN })
    expect(await client.status()).toEqual(exampleStatus)
    expect(await client.stopSource()).toEqual(exampleStatus.source)
  })

  test('names the flag when the node asks for a token', async () => {
    const url = await listenAdmin(await build({}, TOKEN), LOOPBACK)
    const asked = new AdminClient({ url, token: undefined }).status()
    await expect(asked).rejects.toMatchObject({ code: 'E_ADMIN_REFUSED' })
    await expect(asked).rejects.toThrow(/--admin-token-file/)
  })

  test('says which address does not answer, and why', async () => {
    const app = await build()
    const url = await listenAdmin(app, LOOPBACK)
    await app.close()
    const asked = new AdminClient({ url, token: undefined }).status()
    await expect(asked).rejects.toMatchObject({ code: 'E_ADMIN_UNREACHABLE' })
    await expect(asked).rejects.toThrow(new RegExp(`${url}.*ECONNREFUSED.*--admin URL`))
  })
})

test('an address that is taken is refused by name', async () => {
  const url = await listenAdmin(await build(), LOOPBACK)
  const port = Number(new URL(url).port)
  await expect(listenAdmin(await build(), { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'E_LISTEN',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  })
})
