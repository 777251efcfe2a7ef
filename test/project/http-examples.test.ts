import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AdminApp, listenAdmin } from '../../src/admin/index.ts'
import { buildExampleApp } from '../../src/admin/testing/build-app.ts'
import { MemoryCluster } from '../../src/admin/testing/memory-cluster.ts'
import { ROOT } from './source-tree.ts'

/*
  The curl lines of docs/reference/http-api.md, in their order, against the API of a node of a cluster. Node's own
  client sends them, so that the test needs no curl.
*/

interface Example {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const DOCUMENTED = 'http://127.0.0.1:9595'
const page = readFileSync(join(ROOT, 'docs', 'reference', 'http-api.md'), 'utf8')
const examples = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block]) =>
  (block ?? '').split(/^(?=curl )/m).map((command) => readExample(command.trim())),
)

/** Words as a shell reads them: quotes of both kinds, and lines that go on behind a backslash. */
function wordsOf(command: string): string[] {
  const words = command.replaceAll('\\\n', ' ').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)
  return [...words].map(([, single, double, bare]) => single ?? double ?? bare ?? '')
}

function readExample(command: string): Example {
  const [program, ...words] = wordsOf(command)
  if (program !== 'curl') throw new Error(`${command} is no curl line`)
  const headers: Record<string, string> = {}
  let method: string | undefined
  let url = ''
  let body: string | undefined
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift()
    else if (word === '-d' || word === '--data') body = words.shift()
    else if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(/: ?/)
      headers[name] = value
    } else if (word.startsWith(`${DOCUMENTED}/`)) url = word
    else throw new Error(`${word} of ${command} is not understood here`)
  }
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), url, headers, body }
}

let app: AdminApp
let base = ''
beforeAll(async () => {
  app = await buildExampleApp({ cluster: new MemoryCluster() })
  base = await listenAdmin(app, { host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await app.close()
})

test.each(examples)('$method $url $body does what it says', async (example) => {
  const { method, url, headers, body } = example
  const given = body === undefined ? {} : { body }
  const answer = await fetch(url.replace(DOCUMENTED, base), { method, headers, ...given })
  const text = await answer.text()
  expect(answer.status, text).toBe(200)
})

test('every route has an example', async () => {
  const document = (await app.inject('/api/v1/openapi.json')).json<{
    paths: Record<string, object>
  }>()
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      name: `${method.toUpperCase()} ${path}`,
      pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      method: method.toUpperCase(),
    })),
  )
  const without = routes.filter(({ method, pattern }) => {
    return !examples.some((e) => e.method === method && pattern.test(new URL(e.url).pathname))
  })
  expect(routes.length).toBeGreaterThan(20)
  expect(without.map(({ name }) => name)).toEqual([])
})
