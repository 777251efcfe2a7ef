import { type AdminApp, buildAdmin } from '../../../src/admin/server.ts'
import { exampleNode } from '../../../src/admin/testing/example-node.ts'
import { silentLogger } from '../../../src/lib/index.ts'
import { require, type Target } from '../target.ts'

const TOKEN = 'a-token-of-enough-characters'
const METHODS = ['POST', 'PUT', 'DELETE'] as const
let made: Promise<AdminApp> | undefined

function app(): Promise<AdminApp> {
  made ??= buildAdmin({
    node: exampleNode,
    version: '1.2.3',
    log: silentLogger,
    token: TOKEN,
    tls: undefined,
    onBug: (bug) => {
      throw bug
    },
  })
  return made
}

/** The first line is method and path, lines up to an empty one are headers, the rest is the body. */
export const httpTarget: Target = {
  name: 'http',
  covers: [],
  seeds: () => [
    Buffer.from('GET /api/v1/status\nauthorization: Bearer a-token-of-enough-characters\n\n'),
    Buffer.from('POST /api/v1/source/stop\ncontent-type: application/json\n\n{"wait": true}'),
    Buffer.from(
      'PUT /binlog/server/start\nauthorization: Bearer a-token-of-enough-characters\n' +
        'content-type: application/json\n\n{"addr":"127.0.0.1:3390","user":"kb","password":"kb"}',
    ),
    Buffer.from(
      'DELETE /members\nauthorization: Bearer a-token-of-enough-characters\n' +
        'content-type: application/json\n\n{"name":"one","peer_url":"http://127.0.0.1:9600"}',
    ),
    Buffer.from('GET /metrics?x=%00&y[]=1\naccept: */*\n\n'),
    Buffer.from('GET /api/v1/files/binlog.000001\nauthorization: Bearer wrong\n\n'),
  ],
  words: [
    '/',
    '?',
    '%',
    '%00',
    '%2e%2e',
    '//',
    '[]=',
    '__proto__',
    '{',
    '}',
    'null',
    '/api/v1/',
    'GET ',
    'POST ',
    'content-type: ',
    'application/json',
    'text/plain',
    '\n',
    'authorization: Bearer ',
  ],
  async run(input) {
    const [head = '', ...rest] = input.toString('latin1').split('\n\n')
    const [line = '', ...lines] = head.split('\n')
    const [method = '', url = ''] = line.split(' ')
    const headers: Record<string, string> = {}
    for (const field of lines) {
      const [name = '', value = ''] = field.split(': ')
      // Node's own parser refuses other names and values before anything of ours sees them.
      if (/^[a-z0-9-]+$/i.test(name) && /^[\x20-\x7e]*$/.test(value)) headers[name] = value
    }
    if (!/^\/[\x21-\x7e]*$/.test(url) || url.startsWith('//')) return
    const answer = await (await app()).inject({
      method: METHODS.find((known) => known === method) ?? 'GET',
      url,
      headers,
      payload: Buffer.from(rest.join('\n\n'), 'latin1'),
    })
    require(answer.statusCode < 500, `the answer is ${answer.statusCode}: ${answer.payload}`)
  },
}
