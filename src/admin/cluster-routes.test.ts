import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AdminApp } from './server.ts'
import { buildExampleApp } from './testing/build-app.ts'
import { MemoryCluster } from './testing/memory-cluster.ts'

let app: AdminApp
let cluster: MemoryCluster
beforeEach(async () => {
  cluster = new MemoryCluster()
  app = await buildExampleApp({ cluster })
})
afterEach(async () => {
  await app.close()
})

/** @param request `GET /path` */
async function ask(request: string, payload?: object) {
  const [method, url] = request.split(' ') as ['GET', string]
  return await app.inject({ method, url, ...(payload === undefined ? {} : { payload }) })
}

const namesOf = (answer: { json: () => unknown }): string[] =>
  (answer.json() as { name: string }[]).map(({ name }) => name)

describe('the cluster', () => {
  test('is described with its leader, what is committed, and every node', async () => {
    const answer = await ask('GET /api/v1/cluster')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual(await cluster.status())
    expect(answer.json()).toMatchObject({
      name: 'one',
      leader: 'one',
      epoch: 4,
      committed: { sequence: 12, file: 'binlog.000002', position: 1200 },
      nodes: [{ name: 'one', role: 'leader' }, { name: 'two', role: 'in-sync' }, { name: 'three' }],
    })
  })

  test('may be without a leader', async () => {
    cluster.loseLeader()
    expect((await ask('GET /api/v1/cluster')).json().leader).toBeNull()
  })
})

describe('members', () => {
  test('are added, moved, made the leader and removed, and each answer lists them', async () => {
    const four = { name: 'four', peerUrl: 'https://D.example:9600/', observer: true }
    const added = await ask('POST /api/v1/members', four)
    expect(added.statusCode).toBe(200)
    expect(added.json()).toContainEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      name: 'four',
      peerUrl: 'https://d.example:9600',
      adminUrl: null,
      isLeader: false,
      role: 'observer',
    })
    const peerUrl = 'https://d.example:9700'
    const moved = await ask('PUT /api/v1/members/four', { peerUrl })
    expect(moved.json()).toContainEqual(expect.objectContaining({ name: 'four', peerUrl }))
    const led = await ask('POST /api/v1/members/two/lead')
    expect(led.json()).toContainEqual(expect.objectContaining({ name: 'two', isLeader: true }))
    expect(namesOf(await ask('DELETE /api/v1/members/four'))).toEqual(['one', 'two', 'three'])
    expect(namesOf(await ask('GET /api/v1/members'))).toEqual(['one', 'two', 'three'])
  })

  test.each([
    ['PUT /api/v1/members/nobody', { peerUrl: 'https://d.example:1' }, 404, 'E_MEMBER_UNKNOWN'],
    ['DELETE /api/v1/members/nobody', undefined, 404, 'E_MEMBER_UNKNOWN'],
    ['POST /api/v1/members/nobody/lead', undefined, 404, 'E_MEMBER_UNKNOWN'],
    ['DELETE /api/v1/members/one', undefined, 409, 'E_MEMBER_REFUSED'],
    [
      'POST /api/v1/members',
      { name: 'two', peerUrl: 'https://d.example:1' },
      409,
      'E_MEMBER_EXISTS',
    ],
    ['POST /api/v1/members', { name: 'five' }, 400, 'bad-request'],
    ['POST /api/v1/members', undefined, 400, 'bad-request'],
    ['POST /api/v1/members', { name: 'a b', peerUrl: 'https://d.example:1' }, 400, 'bad-request'],
    ['POST /api/v1/members', { name: 'five', peerUrl: 'http://d.example:1' }, 400, 'bad-request'],
    [
      'POST /api/v1/members',
      { name: 'five', peerUrl: 'https://d.example:1', adminUrl: 'http://u:p@d.example:1' },
      400,
      'bad-request',
    ],
  ])('%s %j is refused with %i', async (request, body, status, code) => {
    const answer = await ask(request, body)
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(namesOf(await ask('GET /api/v1/members'))).toEqual(['one', 'two', 'three'])
  })

  test('that cannot be are refused with the remedy', async () => {
    const answer = await ask('POST /api/v1/members', { name: 'x', peerUrl: 'http://d.example:1' })
    expect(answer.json().message).toContain('write https://d.example:1')
  })
})

describe('a node that is alone', () => {
  beforeEach(async () => {
    await app.close()
    app = await buildExampleApp()
  })

  test('leads itself in epoch 0', async () => {
    const node = { name: 'one', role: 'leader', epoch: 0, end: 12 }
    const visibleEnd = { file: 'binlog.000002', position: 1200 }
    expect((await ask('GET /api/v1/cluster')).json()).toEqual({
      name: 'one',
      leader: 'one',
      epoch: 0,
      committed: { sequence: 12, ...visibleEnd },
      nodes: [{ ...node, visibleEnd, address: '127.0.0.1:3390', alarms: [] }],
    })
    expect(namesOf(await ask('GET /api/v1/members'))).toEqual(['one'])
  })

  test.each([
    ['POST /api/v1/members', { name: 'two', peerUrl: 'https://d.example:1' }],
    ['PUT /api/v1/members/one', { peerUrl: 'https://d.example:1' }],
    ['DELETE /api/v1/members/one', undefined],
    ['POST /api/v1/members/one/lead', undefined],
    ['POST /members', { name: 'two', peer_url: 'https://d.example:1' }],
    ['PUT /members', { name: 'one', new_peer_url: 'https://d.example:1' }],
    ['DELETE /members', { name: 'one' }],
  ])('refuses %s with 409 and the reason', async (request, body) => {
    const answer = await ask(request, body)
    expect(answer.statusCode).toBe(409)
    expect(answer.json().message).toMatch(/part of no cluster.*cluster\.peer-url/)
  })
})
