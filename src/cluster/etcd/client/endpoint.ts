import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  Metadata,
  status,
} from '@grpc/grpc-js'
import type { Clock } from '../../../platform/index.ts'
import { CallError, toCallError } from './call-error.ts'
import type { Method } from './methods.ts'

/** What proves us to etcd and etcd to us; all PEM text. */
export interface EtcdTls {
  readonly authority: string
  readonly certificate: string
  readonly key: string
  /** the name that the server's certificate must have, where it is not that of the address */
  readonly serverName?: string
}

const CHANNEL: ChannelOptions = {
  // etcd answers pings that come faster than 5 s, or without a call, by closing the connection.
  'grpc.keepalive_time_ms': 6000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.keepalive_permit_without_calls': 0,
  // gRPC's own pause between attempts to connect grows to minutes.
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A call is never repeated behind our back, and never sent by way of a proxy of the environment.
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
}

/** How long an endpoint that let a call hang is asked last. */
const SUSPICION_MS = 5000

/** One connection to one member of etcd. */
export class Endpoint {
  readonly address: string
  readonly #client: Client
  readonly #clock: Clock
  #suspectUntilMs = Number.NEGATIVE_INFINITY

  constructor(address: string, tls: EtcdTls, clock: Clock) {
    const { authority, certificate, key, serverName } = tls
    const named =
      serverName === undefined
        ? {}
        : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }
    this.address = address
    this.#clock = clock
    this.#client = new Client(
      address,
      credentials.createSsl(Buffer.from(authority), Buffer.from(key), Buffer.from(certificate)),
      { ...CHANNEL, ...named },
    )
  }

  get isReady(): boolean {
    // The argument makes an idle channel connect.
    return this.#client.getChannel().getConnectivityState(true) === connectivityState.READY
  }

  get isSuspect(): boolean {
    return this.#clock.monotonicMs() < this.#suspectUntilMs
  }

  /** Asks it last for a while: a call hung or broke there. */
  suspect(): void {
    this.#suspectUntilMs = this.#clock.monotonicMs() + SUSPICION_MS
  }

  /** Resolves when the connection stands, rejects when it does not within the time. */
  ready(timeoutMs: number): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(this.#deadline(timeoutMs), (error) => {
        if (error === undefined) resolve(this)
        else reject(new CallError(status.UNAVAILABLE, 'no connection', this.address))
      })
    })
  }

  /** One call, one answer, sent once. Rejects with a CallError. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    const { path, serialize, deserialize } = method
    const options = { deadline: this.#deadline(timeoutMs) }
    return new Promise((resolve, reject) => {
      const done = (error: unknown, response?: Response): void => {
        if (error === null && response !== undefined) resolve(response)
        else reject(toCallError(error, this.address))
      }
      const metadata = new Metadata()
      this.#client.makeUnaryRequest(path, serialize, deserialize, request, metadata, options, done)
    })
  }

  /**
   * A stream of requests and answers that etcd ends when its member loses sight of the leader:
   * a member that is cut off from the others would else be silent for ever.
   */
  open<Request, Response>(
    method: Method<Request, Response>,
    options: CallOptions = {},
  ): ClientDuplexStream<Request, Response> {
    const metadata = new Metadata()
    metadata.set('hasleader', 'true')
    const { path, serialize, deserialize } = method
    const stream = this.#client.makeBidiStreamRequest(
      path,
      serialize,
      deserialize,
      metadata,
      options,
    )
    // Whoever reads the stream hears of its end; an end after that concerns nobody.
    stream.on('error', () => {})
    return stream
  }

  /** One request and one answer over a method that is a stream. Rejects with a CallError. */
  async exchange<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    const stream = this.open(method, { deadline: this.#deadline(timeoutMs) })
    try {
      stream.write(request)
      for await (const response of stream) return response as Response
      throw new CallError(status.UNAVAILABLE, 'the stream ended without an answer', this.address)
    } catch (thrown) {
      throw toCallError(thrown, this.address)
    } finally {
      stream.cancel()
    }
  }

  close(): void {
    this.#client.close()
  }

  #deadline(timeoutMs: number): number {
    return this.#clock.nowMs() + timeoutMs
  }
}
