import { afterEach, describe, expect, test } from 'vitest'
import { type AdminApp, buildAdmin } from './server.ts'
import { exampleOptions } from './testing/build-app.ts'
import { exampleStatus } from './testing/example-node.ts'

const apps: AdminApp[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

interface Asked {
  readonly stops: number
  ask(method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, headers: object): Promise<Answer>
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

async function node(token?: string): Promise<Asked> {
  let stops = 0
  const stopSource = () => {
    stops += 1
    return Promise.resolve(exampleStatus.source)
  }
  const app = await buildAdmin({ ...exampleOptions({ stopSource }), token })
  apps.push(app)
  return {
    get stops() {
      return stops
    },
    async ask(method, url, headers) {
      const answer = await app.inject({ method, url, headers: { ...headers } })
      return { status: answer.statusCode, body: answer.json() }
    },
  }
}

const HOST = { host: '127.0.0.1:9595' }
const STOP = '/api/v1/source/stop'
const FIRST_STOP = '/binlog/syncer/stop'

describe('a request that changes something', () => {
  test.each([
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'http://127.0.0.1:3000', 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1' },
    { origin: 'null' },
  ])('is refused from a page of another site, and nothing is done: %j', async (headers) => {
    const asked = await node()
    const refused = await asked.ask('POST', STOP, { ...HOST, ...headers })
    const from = headers.origin ?? 'cross-site'
    expect(refused).toEqual({
      status: 403,
      body: { code: 'E_ADMIN_REFUSED', message: expect.stringContaining(from) },
    })
    const first = await asked.ask('PUT', FIRST_STOP, { ...HOST, ...headers })
    expect(first).toMatchObject({ status: 403, body: { data: null } })
    expect(asked.stops).toBe(0)
  })

  test.each([
    {},
    { origin: 'http://127.0.0.1:9595', 'sec-fetch-site': 'same-origin' },
    { origin: 'http://127.0.0.1:9595' },
    { origin: 'https://kingbus.example', host: 'kingbus.example' },
    { 'sec-fetch-site': 'none' },
  ])('is done for a program, and for a page of our own: %j', async (headers) => {
    const asked = await node('a-token-of-some-length')
    const authorization = 'Bearer a-token-of-some-length'
    const done = await asked.ask('POST', STOP, { ...HOST, authorization, ...headers })
    expect([done.status, asked.stops]).toEqual([200, 1])
  })

  test('is refused from another site also with the token', async () => {
    const asked = await node('a-token-of-some-length')
    const authorization = 'Bearer a-token-of-some-length'
    const headers = { ...HOST, authorization, origin: 'https://evil.example' }
    expect((await asked.ask('POST', STOP, headers)).status).toBe(403)
  })
})

test('a page of another site may read what its browser lets it', async () => {
  const headers = { ...HOST, 'sec-fetch-site': 'cross-site', origin: 'https://grafana.example' }
  expect((await (await node()).ask('GET', '/api/v1/status', headers)).status).toBe(200)
})

describe('without a token', () => {
  test.each([
    'evil.example:9595',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'kingbus',
    '?',
  ])('the host %j may be anybody’s name for this machine, and is told nothing', async (host) => {
    const asked = await node()
    expect(await asked.ask('GET', '/api/v1/status', { host })).toEqual({
      status: 403,
      body: { code: 'E_ADMIN_REFUSED', message: expect.stringContaining(host) },
    })
    // What its browser would say of a page that was loaded under that name.
    const page = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
    expect((await asked.ask('POST', STOP, page)).status).toBe(403)
    expect(asked.stops).toBe(0)
    expect((await asked.ask('GET', '/healthz', { host })).status).toBe(200)
  })

  test.each(['localhost:9595', 'LOCALHOST', '127.0.0.1', '[::1]:9595', '192.168.1.148:80'])(
    'the host %j is told what it asks',
    async (host) => {
      expect((await (await node()).ask('GET', '/api/v1/status', { host })).status).toBe(200)
    },
  )
})

test('with a token the node answers by any name', async () => {
  const headers = { host: 'kingbus.example', authorization: 'Bearer a-token-of-some-length' }
  const asked = await node('a-token-of-some-length')
  expect((await asked.ask('GET', '/api/v1/status', headers)).status).toBe(200)
})
