import { afterEach, expect, test } from 'vitest'
import { OperationalError } from '../../lib/index.ts'
import { encodeFrame } from './frame.ts'
import { introduce } from './handshake.ts'
import { callPeer, type LinkHandlers, type LinkLimits } from './index.ts'
import { listenAs, optionsOf, type Scheme } from './testing/link-pair.ts'
import { knock, readToEnd } from './testing/stranger.ts'

const SCHEMES: readonly Scheme[] = ['http', 'https']
const { signal } = new AbortController()
const closing: Array<() => unknown> = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function answering(
  call: LinkHandlers['call'],
  limits: Partial<LinkLimits> = {},
  scheme: Scheme = 'http',
): Promise<URL> {
  const { listener, url } = await listenAs(optionsOf('two', { limits }), { call }, scheme)
  closing.push(() => listener.close())
  return url
}

const ask = (url: URL, body: unknown, limits: Partial<LinkLimits> = {}): Promise<unknown> =>
  callPeer(url, optionsOf('one', { limits }), { method: 'status', body }, signal)

const hasCode = (code: string, context: object = {}): OperationalError =>
  expect.objectContaining({ code, context: expect.objectContaining(context) }) as OperationalError

test.each(SCHEMES)('a call over %s is answered', async (scheme) => {
  const call = (peer: string, method: string, body: unknown): Promise<unknown> =>
    Promise.resolve({ peer, method, body })
  const url = await answering(call, {}, scheme)
  const body = { deep: [1, null, 'Grüße'] }
  expect(await ask(url, body)).toEqual({ peer: 'one', method: 'status', body })
  expect(await ask(url, undefined)).toEqual({ peer: 'one', method: 'status', body: null })
})

test('what is answered with an error is thrown as that', async () => {
  const url = await answering(() => {
    return Promise.reject(new OperationalError('E_ETCD_UNAVAILABLE', 'no majority', { at: 1 }))
  })
  await expect(ask(url, null)).rejects.toEqual(
    expect.objectContaining({ code: 'E_ETCD_UNAVAILABLE', message: 'no majority' }),
  )
})

test('an error that only another version knows is said to be one', async () => {
  const url = await answering(() => {
    return Promise.reject(new OperationalError('E_OF_LATER' as 'E_LISTEN', 'no such thing yet'))
  })
  await expect(ask(url, null)).rejects.toEqual(hasCode('E_PEER_VERSION'))
})

test('requests and answers of up to 1 MiB are carried, longer ones refused', async () => {
  const url = await answering((_peer, _method, size) => Promise.resolve('x'.repeat(Number(size))))
  expect(await ask(url, 1_000_000)).toHaveLength(1_000_000)
  await expect(ask(url, 1024 * 1024)).rejects.toEqual(hasCode('E_PEER_REFUSED'))
  await expect(ask(url, 'x'.repeat(1024 * 1024))).rejects.toEqual(hasCode('E_PEER_REFUSED'))
  expect(await ask(url, '3'.padStart(1_000_000))).toBe('xxx')
})

test('a node of another cluster is refused; one that is in none yet is heard', async () => {
  const url = await answering(() => Promise.resolve('heard'))
  const from = (cluster: string | undefined): Promise<unknown> => {
    const options = { ...optionsOf('one'), self: { node: 'one', cluster: () => cluster } }
    return callPeer(url, options, { method: 'join', body: null }, signal)
  }
  await expect(from('cluster-2')).rejects.toEqual(hasCode('E_PEER_REFUSED'))
  expect(await from(undefined)).toBe('heard')
})

test('a call has so long, and can be given up', async () => {
  let handled = 0
  const url = await answering(
    () => {
      handled += 1
      return new Promise(() => {})
    },
    { callMs: 200 },
  )
  await expect(ask(url, null, { callMs: 80 })).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'timeout' }),
  )
  // The side that answers gives up by itself, too.
  await expect(ask(url, null)).rejects.toEqual(hasCode('E_PEER_UNREACHABLE', { reason: 'ended' }))
  const over = new AbortController()
  const options = optionsOf('one')
  const asking = callPeer(url, options, { method: 'status', body: null }, over.signal)
  setTimeout(() => over.abort(), 50)
  await expect(asking).rejects.toEqual(hasCode('E_PEER_UNREACHABLE', { reason: 'aborted' }))
  expect(handled).toBe(3)
})

test.each<[string, Buffer]>([
  ['another frame', encodeFrame('answer', Buffer.from('\0null'))],
  ['no JSON', encodeFrame('request', Buffer.concat([Buffer.of(1, 0, 0x61, 0), Buffer.from('{')]))],
  ['half a request', encodeFrame('request', Buffer.of(1, 0))],
])('a call with %s is ended without an answer', async (_, bytes) => {
  const url = await answering(() => Promise.resolve('never asked'))
  const { connection } = await knock(url)
  const { secret, random } = optionsOf('rogue')
  const key = await secret.key('peer link', 32)
  const met = await introduce(connection, 'call', { node: 'rogue', key, random })
  expect(met).toMatchObject({ peer: 'two' })
  connection.write(bytes)
  expect(await readToEnd(connection)).toHaveLength(0)
})

test('a listener that closes ends the calls that wait', async () => {
  const { listener, url } = await listenAs(
    optionsOf('two'),
    {
      call: () => {
        void listener.close()
        return new Promise(() => {})
      },
    },
    'http',
  )
  await expect(ask(url, null)).rejects.toEqual(hasCode('E_PEER_UNREACHABLE', { reason: 'ended' }))
  await listener.close()
})
