import { expect, test } from 'vitest'
import { callPeer } from './index.ts'
import { linkPair, listenAs, optionsOf, type Scheme } from './testing/link-pair.ts'
import { bytesOf, SAMPLES } from './testing/sample-messages.ts'

const SCHEMES: readonly Scheme[] = ['http', 'https']

test.each(SCHEMES)('messages go both ways over %s, in order', async (scheme) => {
  const { dialled, accepted, close } = await linkPair(scheme)
  expect([dialled.peer, accepted.peer]).toEqual(['two', 'one'])
  for (const [from, to] of [
    [dialled, accepted],
    [accepted, dialled],
  ] as const) {
    const received: Buffer[] = []
    const all = new Promise<void>((resolve) => {
      to.receive((carried) => {
        received.push(bytesOf(carried))
        if (received.length === SAMPLES.length) resolve()
      })
    })
    for (const { message, records } of SAMPLES) from.send(message, records)
    await all
    expect(Buffer.concat(received).equals(Buffer.concat(SAMPLES.map(bytesOf)))).toBe(true)
  }
  await close()
  expect((await dialled.closed).reason).toBeDefined()
})

test.each(SCHEMES)('a call over %s is answered', async (scheme) => {
  const call = (peer: string, method: string, body: unknown): Promise<unknown> =>
    Promise.resolve({ peer, method, body })
  const { listener, url } = await listenAs(optionsOf('two'), { call }, scheme)
  const asked = { method: 'status', body: { deep: [1, null] } }
  const { signal } = new AbortController()
  expect(await callPeer(url, optionsOf('one'), asked, signal)).toEqual({ peer: 'one', ...asked })
  await listener.close()
})
