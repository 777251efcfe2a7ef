import { status } from '@grpc/grpc-js'
import { assert, messageOf, OperationalError } from '../../../lib/index.ts'
import type { Clock } from '../../../platform/index.ts'
import { CallError, isRefusal } from './call-error.ts'
import { Endpoint, type EtcdTls } from './endpoint.ts'
import { type Entry, type KeyRange, rangeOf, toEntry } from './entry.ts'
import type { RangeResponse, StatusResponse } from './messages.ts'
import { METHODS, type Method } from './methods.ts'
import {
  type Transaction,
  type TransactionAnswer,
  transactionAnswer,
  transactionRequest,
  type Written,
} from './transaction.ts'

export interface RepeatableTimes {
  /** one attempt of a call that may be repeated at another endpoint */
  readonly attemptMs: number
  /** such a call with all its attempts */
  readonly repeatableMs: number
}

/** Bounds of what a call may take; etcd itself gives up on a write after 5 s and two elections. */
export interface CallLimits extends RepeatableTimes {
  /** a write, which has one attempt */
  readonly writeMs: number
}

const CALL_LIMITS: CallLimits = { attemptMs: 1500, repeatableMs: 5000, writeMs: 4000 }

/** Between two rounds over all endpoints. */
const ROUND_PAUSE_MS = 50

/** More keys than this below one prefix are not ours. */
const LIST_MOST = 1000

export interface EtcdClientOptions {
  /** `host:port`, the one to prefer first */
  readonly endpoints: readonly string[]
  readonly tls: EtcdTls
  readonly clock: Clock
  readonly limits?: CallLimits
}

export interface Listing {
  readonly entries: readonly Entry[]
  /** the store's revision at which this was read; a watch goes on from the one after it */
  readonly revision: bigint
}

/**
 * A client of one etcd cluster. Reads are linearizable, always. What may be repeated without harm is
 * tried at one endpoint after another; a write is sent to one endpoint, once.
 */
export class EtcdClient {
  readonly clock: Clock
  readonly limits: CallLimits
  readonly #endpoints: readonly Endpoint[]

  constructor({ endpoints, tls, clock, limits = CALL_LIMITS }: EtcdClientOptions) {
    assert(endpoints.length > 0, 'a client of etcd needs an endpoint')
    this.clock = clock
    this.limits = limits
    this.#endpoints = endpoints.map((address) => new Endpoint(address, tls, clock))
  }

  get addresses(): readonly string[] {
    return this.#endpoints.map(({ address }) => address)
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close()
  }

  /** What is there now: a linearizable read, from the endpoint given or from whichever answers. */
  async read(range: KeyRange, address?: string): Promise<Listing> {
    const request = { ...rangeOf(range), limit: LIST_MOST }
    const response: RangeResponse =
      address === undefined
        ? await this.repeatable(METHODS.range, request)
        : await this.#at(address, METHODS.range, request)
    assert(!response.more, `there are more than ${LIST_MOST} keys below one prefix`)
    return {
      entries: response.kvs.map(toEntry),
      revision: BigInt(response.header.revision),
    }
  }

  /** What a member says of itself. */
  async status(address: string): Promise<StatusResponse> {
    return await this.#at(address, METHODS.status, {})
  }

  async transact(transaction: Transaction): Promise<Written<TransactionAnswer>> {
    const written = await this.write(METHODS.txn, transactionRequest(transaction))
    if (written.kind === 'unknown') return written
    return { kind: 'answered', answer: transactionAnswer(written.answer) }
  }

  /**
   * Sends a write once. Rejects with E_ETCD_UNAVAILABLE when no endpoint could be reached, so that it
   * was not sent, and with E_ETCD_REFUSED when etcd says that it was not applied.
   */
  async write<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Written<Response>> {
    const endpoint = await this.pick(this.limits.writeMs).catch((thrown: unknown) => {
      throw unavailable(`nothing was written: ${callErrorOf(thrown).message}`)
    })
    try {
      const answer = await endpoint.call(method, request, this.limits.writeMs)
      return { kind: 'answered', answer }
    } catch (thrown) {
      const error = callErrorOf(thrown)
      if (isRefusal(error)) throw refused(error)
      endpoint.suspect()
      return { kind: 'unknown', why: error.message }
    }
  }

  /** A call that does no harm when it is done twice, at one endpoint after another until one answers. */
  async repeatable<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    times: RepeatableTimes = this.limits,
  ): Promise<Response> {
    return await this.#inTurn(times, (endpoint, attemptMs) =>
      endpoint.call(method, request, attemptMs),
    )
  }

  /** The same over a method that is a stream with one answer for each request. */
  async repeatableExchange<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    times: RepeatableTimes,
  ): Promise<Response> {
    return await this.#inTurn(times, (endpoint, attemptMs) =>
      endpoint.exchange(method, request, attemptMs),
    )
  }

  /**
   * The endpoint to ask next: connected, without suspicion if there is such a one, early in the list.
   * Rejects with a CallError when none is connected in time.
   */
  async pick(timeoutMs: number, tried?: ReadonlySet<Endpoint>): Promise<Endpoint> {
    const untried = this.#endpoints.filter((endpoint) => tried?.has(endpoint) !== true)
    const candidates = untried.length > 0 ? untried : this.#endpoints
    const choose = (): Endpoint | undefined => {
      const ready = candidates.filter(({ isReady }) => isReady)
      return ready.find(({ isSuspect }) => !isSuspect) ?? ready[0]
    }
    const found = choose()
    if (found !== undefined) return found
    try {
      const first = await Promise.any(candidates.map((endpoint) => endpoint.ready(timeoutMs)))
      return choose() ?? first
    } catch {
      const names = candidates.map(({ address }) => address).join(', ')
      throw new CallError(status.UNAVAILABLE, `no connection within ${timeoutMs} ms`, names)
    }
  }

  async #inTurn<Response>(
    times: RepeatableTimes,
    attempt: (endpoint: Endpoint, attemptMs: number) => Promise<Response>,
  ): Promise<Response> {
    const endMs = this.clock.monotonicMs() + times.repeatableMs
    const tried = new Set<Endpoint>()
    const reasons = new Map<string, string>()
    for (;;) {
      const leftMs = Math.min(times.attemptMs, endMs - this.clock.monotonicMs())
      if (leftMs <= 0) {
        const why = [...reasons.values()].join('; ')
        throw unavailable(`etcd did not answer within ${times.repeatableMs} ms: ${why}`)
      }
      let endpoint: Endpoint | undefined
      try {
        endpoint = await this.pick(leftMs, tried)
        return await attempt(endpoint, leftMs)
      } catch (thrown) {
        const error = callErrorOf(thrown)
        if (isRefusal(error)) throw refused(error)
        reasons.set(error.endpoint, error.message)
        endpoint?.suspect()
        if (endpoint !== undefined) tried.add(endpoint)
      }
      // Once all had their turn, or the rest of them cannot be reached, it is the first one's again.
      if (endpoint === undefined || tried.size === this.#endpoints.length) {
        tried.clear()
        await this.clock.sleep(ROUND_PAUSE_MS)
      }
    }
  }

  async #at<Request, Response>(
    address: string,
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const endpoint = this.#endpoints.find((known) => known.address === address)
    assert(endpoint !== undefined, `${address} is none of the endpoints`)
    try {
      await endpoint.ready(this.limits.attemptMs)
      return await endpoint.call(method, request, this.limits.attemptMs)
    } catch (thrown) {
      const error = callErrorOf(thrown)
      throw isRefusal(error) ? refused(error) : unavailable(error.message)
    }
  }
}

function callErrorOf(thrown: unknown): CallError {
  if (thrown instanceof CallError) return thrown
  throw thrown
}

function unavailable(message: string): OperationalError {
  return new OperationalError('E_ETCD_UNAVAILABLE', message)
}

function refused(error: CallError): OperationalError {
  return new OperationalError('E_ETCD_REFUSED', messageOf(error), {}, { cause: error })
}
