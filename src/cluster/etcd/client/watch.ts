import type { ClientDuplexStream } from '@grpc/grpc-js'
import { Backoff, type Logger, messageOf } from '../../../lib/index.ts'
import type { Clock, Random } from '../../../platform/index.ts'
import type { Endpoint } from './endpoint.ts'
import { type KeyEvent, type KeyRange, rangeOf } from './entry.ts'
import type { EtcdClient } from './etcd-client.ts'
import type { WatchRequest, WatchResponse } from './messages.ts'
import { METHODS } from './methods.ts'
import { WatchCursor } from './watch-cursor.ts'

export type WatchMessage =
  | { readonly kind: 'events'; readonly events: readonly KeyEvent[] }
  /**
   * Events from revision `from` on are gone by compaction; the watch goes on at `resumesAt`. Whoever
   * needs to know what is there now has to read it.
   */
  | { readonly kind: 'compacted'; readonly from: bigint; readonly resumesAt: bigint }

export interface WatchOptions {
  readonly range: KeyRange
  /** the first revision whose events are wanted */
  readonly from: bigint
  readonly random: Random
  readonly log: Logger
  readonly timing?: WatchTiming
}

export interface WatchTiming {
  /** a watch that is waited for is asked for a sign of life so often */
  readonly askMs: number
  /** and is given up, to go on at another endpoint, when it says nothing for so long */
  readonly silenceMs: number
}

const WATCH_TIMING: WatchTiming = { askMs: 1000, silenceMs: 4000 }
const CONNECT_MS = 5000
const PAUSE = { firstMs: 50, mostMs: 2000 }

/**
 * Every change in the range from a revision on, each once, in order, until the signal fires: over
 * broken connections, members that hang, and members that are cut off from the leader.
 */
export async function* watch(
  client: EtcdClient,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchMessage> {
  const { random, log } = options
  const cursor = new WatchCursor(options.from)
  const backoff = new Backoff(PAUSE, () => random.fraction())
  while (!signal.aborted) {
    let endpoint: Endpoint | undefined
    try {
      endpoint = await client.pick(CONNECT_MS)
      for await (const message of heard(endpoint, { client, options, cursor, signal })) {
        backoff.reset()
        yield message
      }
    } catch (thrown) {
      if (signal.aborted) return
      endpoint?.suspect()
      const fields = { endpoint: endpoint?.address, reason: messageOf(thrown), next: cursor.next }
      log.debug(fields, 'a watch in etcd broke off and goes on')
    }
    await client.clock.sleep(backoff.nextMs(), signal)
  }
}

interface Hearing {
  readonly client: EtcdClient
  readonly options: WatchOptions
  readonly cursor: WatchCursor
  readonly signal: AbortSignal
}

/** What one stream brings until it ends; ends by itself only when the history it asks for is gone. */
async function* heard(endpoint: Endpoint, hearing: Hearing): AsyncGenerator<WatchMessage> {
  const { client, options, cursor, signal } = hearing
  const stream = endpoint.open(METHODS.watch)
  const cancel = (): void => stream.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const { range, timing = WATCH_TIMING } = options
    const create = { ...rangeOf(range), start_revision: cursor.next.toString(), fragment: true }
    stream.write({ create_request: create })
    for await (const message of messages(stream, client.clock, timing)) {
      const events = cursor.take(message)
      if (events.length > 0) yield { kind: 'events', events }
      if (!message.canceled) continue
      if (message.compact_revision === '0') throw new Error(message.cancel_reason)
      const from = cursor.next
      cursor.skipTo(BigInt(message.compact_revision))
      yield { kind: 'compacted', from, resumesAt: cursor.next }
      return
    }
    throw new Error('the stream ended')
  } finally {
    signal.removeEventListener('abort', cancel)
    stream.cancel()
  }
}

/**
 * The messages of a stream. While one is waited for, the server is asked for a sign of life, and
 * silence ends the stream; nothing is counted while the reader is busy with the last one.
 */
async function* messages(
  stream: ClientDuplexStream<WatchRequest, WatchResponse>,
  clock: Clock,
  { askMs, silenceMs }: WatchTiming,
): AsyncGenerator<WatchResponse> {
  const iterator: AsyncIterator<WatchResponse> = stream[Symbol.asyncIterator]()
  for (;;) {
    let isSilent = false
    const stopAsking = clock.after(askMs, () => void stream.write({ progress_request: {} }))
    const stopWaiting = clock.after(silenceMs, () => {
      isSilent = true
      stream.cancel()
    })
    let next: IteratorResult<WatchResponse>
    try {
      next = await iterator.next()
    } catch (thrown) {
      throw isSilent ? new Error(`nothing was heard for ${silenceMs} ms`) : thrown
    } finally {
      stopAsking()
      stopWaiting()
    }
    if (next.done === true) return
    yield next.value
  }
}
