import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OperationalError } from '../lib/index.ts'
import type { NodeFace } from './node-face.ts'
import type { AdminApp } from './server.ts'
import { buildExampleApp } from './testing/build-app.ts'
import { exampleStatus } from './testing/example-node.ts'
import { MemoryCluster } from './testing/memory-cluster.ts'

let app: AdminApp
beforeEach(async () => {
  app = await buildExampleApp({ cluster: new MemoryCluster() })
})
afterEach(async () => {
  await app.close()
})

async function rebuild(node: Partial<NodeFace>): Promise<void> {
  await app.close()
  app = await buildExampleApp(node)
}

/** As its documentation asks with curl: the header always, the body as text. */
async function ask(request: string, payload?: string) {
  const [method, url] = request.split(' ') as ['GET', string]
  const headers = { 'content-type': 'application/json' }
  return await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
}

const SYNCER =
  '{"syncer_id":1001,"syncer_uuid":"F7E30637-f15a-11e8-accc-244427b6b60e","mysql_addr":\n' +
  '"192.168.1.150:3415","mysql_user":"kb","mysql_password":"s3cret","semi_sync":false}'
const SERVER = '{"addr":"192.168.1.149:3390","user":"kb","password":"s3cret"}'

describe('its members', () => {
  test('have hexadecimal ids in /cluster', async () => {
    const { message, data } = (await ask('GET /cluster')).json()
    expect(message).toBe('success')
    expect(data[0]).toEqual({
      Id: 'e2a0e8de3b991446',
      peerURLs: ['http://127.0.0.1:9600'],
      name: 'one',
      adminURLs: ['http://127.0.0.1:9595'],
      isLeader: true,
    })
  })

  test('have numbers of 64 bits in /members, with all their digits', async () => {
    const { body } = await ask('GET /members')
    expect(body).toContain(`{"Id":${BigInt('0xe2a0e8de3b991446')},"IdHex":"e2a0e8de3b991446",`)
    expect(JSON.parse(body).data.map(({ name }: { name: string }) => name)).toEqual([
      'one',
      'two',
      'three',
    ])
  })

  test('are added, moved and removed by its bodies', async () => {
    const four = '{"name":"four","peer_url":"http://127.0.0.1:9630"}'
    const added = (await ask('POST /members', four)).json()
    expect(added.message).toBe('success')
    expect(added.data.at(-1)).toMatchObject({ name: 'four', peerURLs: ['http://127.0.0.1:9630'] })
    expect(added.data.at(-1)).not.toHaveProperty('adminURLs')
    const moved = await ask('PUT /members', '{"name":"four","new_peer_url":"http://[::1]:9640"}')
    expect(moved.json().data.at(-1).peerURLs).toEqual(['http://[::1]:9640'])
    const removed = await ask('DELETE /members', four)
    expect(removed.json().data).toHaveLength(3)
  })

  test.each([
    ['POST /members', '{"name":"two","peer_url":"http://127.0.0.1:1"}', 409],
    ['PUT /members', '{"name":"none","new_peer_url":"http://127.0.0.1:1"}', 404],
    ['DELETE /members', '{"name":"none"}', 404],
    ['POST /members', '{"name":', 400],
    ['POST /members', '{}', 400],
    ['POST /members', undefined, 400],
  ])('%s %j is refused with %i, in its shape', async (request, body, status) => {
    const answer = await ask(request, body)
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toEqual({ message: expect.stringMatching(/./), data: null })
  })
})

describe('its syncer', () => {
  test('is started with what is asked for', async () => {
    const wishes: unknown[] = []
    await rebuild({
      startSource: async (wish) => {
        wishes.push(wish)
        return exampleStatus.source
      },
    })
    const answer = await ask('PUT /binlog/syncer/start', SYNCER)
    expect(answer.json()).toEqual({ message: 'success', data: 0 })
    expect(wishes).toEqual([
      {
        replicaServerId: 1001,
        replicaUuid: 'f7e30637-f15a-11e8-accc-244427b6b60e',
        address: { host: '192.168.1.150', port: 3415 },
        user: 'kb',
        password: 's3cret',
        semiSync: false,
      },
    ])
  })

  test.each([
    ['syncer_id', 0],
    ['syncer_id', 2 ** 32],
    ['syncer_uuid', 'abc'],
    ['mysql_addr', '192.168.1.150'],
    ['mysql_addr', '192.168.1.150:0'],
    ['mysql_user', ''],
    ['mysql_password', 1],
  ])('is not started with a %s of %j', async (field, value) => {
    await rebuild({ startSource: () => Promise.reject(new Error('it was started')) })
    const body = { ...(JSON.parse(SYNCER) as object), [field]: value }
    const answer = await ask('PUT /binlog/syncer/start', JSON.stringify(body))
    expect(answer.statusCode).toBe(400)
    expect(answer.json().message).toContain(field)
  })

  test('that cannot be started says why', async () => {
    const error = new OperationalError('E_SOURCE_UNCONFIGURED', 'there is no source')
    await rebuild({ startSource: () => Promise.reject(error) })
    const answer = await ask('PUT /binlog/syncer/start', SYNCER)
    expect(answer.statusCode).toBe(409)
    expect(answer.json()).toEqual({ message: 'there is no source', data: null })
  })

  test('is stopped without a body', async () => {
    let stopped = 0
    await rebuild({
      stopSource: async () => {
        stopped += 1
        return exampleStatus.source
      },
    })
    expect((await ask('PUT /binlog/syncer/stop')).json()).toEqual({ message: 'success', data: '' })
    expect(stopped).toBe(1)
  })

  test('has a status without a password', async () => {
    const answer = await ask('GET /binlog/syncer/status')
    expect(answer.json().data).toEqual({
      syncer_id: 1001,
      syncer_uuid: 'f7e30637-f15a-11e8-accc-244427b6b60e',
      mysql_addr: 'db.example:3306',
      mysql_user: 'repl',
      mysql_password: '',
      semi_sync: true,
      current_gtid: '',
      last_binlog_file: 'binlog.000002',
      last_file_position: 1200,
      executed_gtid_set: exampleStatus.gtidExecuted,
      purged_gtid_set: '',
      status: 'running',
    })
  })

  test('is stopped where the source is, and where it needs the operator', async () => {
    for (const state of ['stopped', 'failed', 'unconfigured'] as const) {
      const source = { ...exampleStatus.source, state }
      await rebuild({ source: async () => source })
      expect((await ask('GET /binlog/syncer/status')).json().data.status).toBe('stopped')
    }
  })
})

test('its syncer cannot be asked while no node leads', async () => {
  const error = new OperationalError('E_NOT_LEADER', 'no node leads at the moment')
  await rebuild({ source: () => Promise.reject(error) })
  const answer = await ask('GET /binlog/syncer/status')
  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toEqual({ message: 'no node leads at the moment', data: null })
})

describe('its binlog server', () => {
  test('is started with what is asked for, and stopped', async () => {
    const calls: unknown[] = []
    await rebuild({
      startServing: async (wish) => void calls.push(wish),
      stopServing: async () => void calls.push('stop'),
    })
    const started = await ask('PUT /binlog/server/start', SERVER)
    expect(started.json()).toEqual({ message: 'success', data: '' })
    await ask('PUT /binlog/server/stop')
    const address = { host: '192.168.1.149', port: 3390 }
    expect(calls).toEqual([{ address, user: 'kb', password: 's3cret' }, 'stop'])
  })

  test.each([
    ['addr', 'x'],
    ['user', ''],
    ['user', 'u'.repeat(33)],
    ['password', ''],
    ['password', 'p'.repeat(257)],
  ])('is not started with a %s of %j', async (field, value) => {
    const body = { ...(JSON.parse(SERVER) as object), [field]: value }
    const answer = await ask('PUT /binlog/server/start', JSON.stringify(body))
    expect(answer.statusCode).toBe(400)
    expect(answer.json().message).toContain(field)
  })

  test('has a status with who reads from it, and no password', async () => {
    expect((await ask('GET /binlog/server/status')).json().data).toEqual({
      addr: '127.0.0.1:3390',
      user: 'kb',
      password: '',
      slaves: [
        {
          replication_state: 1,
          server_id: 12,
          server_uuid: '',
          host_name: '10.0.0.7',
          port: 51244,
          user: 'repl',
          password: '',
          connect_time: exampleStatus.replicas[0]?.since,
          stats: {},
        },
      ],
      current_gtid: '',
      last_binlog_file: 'binlog.000002',
      last_file_position: 1200,
      executed_gtid_set: exampleStatus.gtidExecuted,
      purged_gtid_set: '',
      status: 'running',
    })
  })
})

test('a body that is no JSON is refused, so that no page of a browser can send one', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await app.inject({ method: 'POST', url: '/members', headers, payload: SERVER })
  expect(answer.statusCode).toBe(415)
  expect(answer.json().message).toContain('Content-Type: application/json')
})

test('every route is in the OpenAPI document, under a tag of its own', async () => {
  const { paths } = (await app.inject('/api/v1/openapi.json')).json<{
    paths: Record<string, Record<string, { tags?: string[] }>>
  }>()
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { tags }]) =>
      tags?.includes('first Kingbus') ? [`${method} ${path}`] : [],
    ),
  )
  expect(routes).toEqual([
    'get /cluster',
    'get /members',
    'post /members',
    'put /members',
    'delete /members',
    'put /binlog/syncer/start',
    'put /binlog/syncer/stop',
    'get /binlog/syncer/status',
    'put /binlog/server/start',
    'put /binlog/server/stop',
    'get /binlog/server/status',
  ])
})
