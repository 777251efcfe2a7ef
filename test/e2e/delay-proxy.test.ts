import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { DelayProxy } from './harness/network/delay-proxy.ts'
import { pause } from './harness/wait.ts'

const host = '127.0.0.1'
const opened: { close(): unknown }[] = []
afterEach(() => {
  for (const each of opened.splice(0)) each.close()
})

async function proxyTo(
  serve: (client: Socket) => void,
  delayMs: () => number,
): Promise<DelayProxy> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    // A proxy that is closed resets what is left.
    client.on('error', () => {})
    serve(client)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  const proxy = await DelayProxy.start(host, { host, port }, delayMs)
  opened.push(proxy, server)
  return proxy
}

test('a long way brings the answer of a server that closes right behind it', async () => {
  const proxy = await proxyTo(
    (client) => client.once('data', () => client.end('answer')),
    () => 20,
  )
  const began = performance.now()
  const client = connect(proxy.port, host)
  client.write('question')
  expect((await buffer(client)).toString()).toBe('answer')
  // TCP's greeting, there and back, and then question and answer.
  expect(performance.now() - began).toBeGreaterThanOrEqual(80)
})

test('a long way brings an answer to one that has closed its own direction', async () => {
  const proxy = await proxyTo(
    (client) => client.resume().on('end', () => client.end('answer')),
    () => 20,
  )
  const client = connect({ port: proxy.port, host, allowHalfOpen: true })
  client.end('question')
  expect((await buffer(client)).toString()).toBe('answer')
})

test('on a way whose delay changes nothing overtakes what was sent before it', async () => {
  const delays = [30, 3, 17, 9]
  let turn = 0
  const proxy = await proxyTo(
    (client) => client.pipe(client),
    () => delays[(turn += 1) % delays.length] ?? 0,
  )
  const client = connect({ port: proxy.port, host, allowHalfOpen: true, noDelay: true })
  const sent = Array.from({ length: 200 }, (_, index) => `${index} `)
  const received = buffer(client)
  for (const part of sent) {
    client.write(part)
    await pause(1)
  }
  client.end()
  expect((await received).toString()).toBe(sent.join(''))
})

test('where nobody listens a long way ends by a reset', async () => {
  const proxy = await proxyTo(
    () => {},
    () => 5,
  )
  opened.at(-1)?.close()
  const client = connect(proxy.port, host)
  await expect(buffer(client)).rejects.toMatchObject({ code: 'ECONNRESET' })
})
