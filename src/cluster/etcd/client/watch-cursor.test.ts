import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventMessage, WatchResponse } from './messages.ts'
import { WatchCursor } from './watch-cursor.ts'

/** Keys changed at each revision; revision 1 is the first. */
type History = readonly (readonly string[])[]

/** A place to break the stream off, counted in messages, and how many events one message takes. */
interface Stream {
  readonly messages: number
  readonly eventsPerMessage: number
}

const noMessage: WatchResponse = {
  header: { revision: '0' },
  created: false,
  canceled: false,
  compact_revision: '0',
  cancel_reason: '',
  fragment: false,
  events: [],
}

function event(key: string, revision: number): EventMessage {
  const mod_revision = revision.toString()
  const kv = { key: Buffer.from(key), value: Buffer.alloc(0), lease: '0', create_revision: '1' }
  return { type: 'PUT', kv: { ...kv, mod_revision } }
}

/** What etcd sends to a watch from a revision on: every header has the store's revision. */
function* served(
  history: History,
  from: bigint,
  eventsPerMessage: number,
): Generator<WatchResponse> {
  const header = { revision: history.length.toString() }
  yield { ...noMessage, header, created: true }
  const events = history
    .flatMap((keys, index) => keys.map((key) => event(key, index + 1)))
    .filter(({ kv }) => BigInt(kv.mod_revision) >= from)
  for (let at = 0; at < events.length; at += eventsPerMessage) {
    const piece = events.slice(at, at + eventsPerMessage)
    const next = events[at + eventsPerMessage]
    const fragment = next?.kv.mod_revision === piece.at(-1)?.kv.mod_revision
    yield { ...noMessage, header, events: piece, fragment }
  }
  yield { ...noMessage, header }
}

const histories = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }), {
  maxLength: 12,
})
const streams = fc.array(
  fc.record({ messages: fc.nat({ max: 6 }), eventsPerMessage: fc.integer({ min: 1, max: 5 }) }),
  { maxLength: 8 },
)

/** What a reader gets over streams that break off, and then one that does not. */
function read(history: History, broken: readonly Stream[]): string[] {
  const cursor = new WatchCursor(1n)
  const got: string[] = []
  for (const { messages, eventsPerMessage } of [
    ...broken,
    { messages: Number.POSITIVE_INFINITY, eventsPerMessage: 3 },
  ]) {
    let left = messages
    for (const message of served(history, cursor.next, eventsPerMessage)) {
      if (left === 0) break
      left -= 1
      for (const { entry } of cursor.take(message)) got.push(`${entry.modRevision} ${entry.key}`)
    }
  }
  expect(cursor.next).toBe(BigInt(history.length) + 1n)
  return got
}

describe('the cursor of a watch', () => {
  it('takes every event once, in order, wherever the streams break off', () => {
    fc.assert(
      fc.property(histories, streams, (history, broken) => {
        const all = history.flatMap((keys, index) => keys.map((key) => `${index + 1} ${key}`))
        expect(read(history, broken)).toEqual(all)
      }),
      { numRuns: 2000 },
    )
  })

  it('is not moved by the revision of a `created` answer', () => {
    const cursor = new WatchCursor(5n)
    cursor.take({ ...noMessage, header: { revision: '90' }, created: true })
    expect(cursor.next).toBe(5n)
  })

  it('is moved by an answer without events, never back', () => {
    const cursor = new WatchCursor(5n)
    cursor.take({ ...noMessage, header: { revision: '9' } })
    expect(cursor.next).toBe(10n)
    cursor.take({ ...noMessage, header: { revision: '3' } })
    expect(cursor.next).toBe(10n)
  })

  it('does not skip a revision when what it is sent is all known', () => {
    const cursor = new WatchCursor(5n)
    expect(cursor.take({ ...noMessage, events: [event('a', 3)] })).toEqual([])
    expect(cursor.next).toBe(5n)
  })
})
