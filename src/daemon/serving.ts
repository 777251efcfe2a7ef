/*
  Whether replicas can connect: from the start of the node on, until the operator stops it for a while.
*/
import type { ServingStatus, ServingWish } from '../admin/index.ts'
import {
  type Address,
  formatAddress,
  isAnyAddress,
  SHUTDOWN_DUMPS_WAIT_MS,
} from '../config/index.ts'
import { OperationalError } from '../lib/index.ts'
import type { NodeParts } from './build.ts'

type ServingParts = Pick<NodeParts, 'server' | 'users' | 'config' | 'listening' | 'logger'>

export class Serving {
  readonly #parts: ServingParts
  /** what was asked for, one after the other */
  #turn: Promise<void> = Promise.resolve()
  /** with the port that a `serve.listen` of port 0 was given, so that replicas find it again */
  #address: Address
  #user: string | undefined
  #isOpen = false
  /** by the operator */
  #isStopped = false
  #isEnding = false

  constructor(parts: ServingParts) {
    this.#parts = parts
    this.#address = parts.config['serve.listen']
  }

  status(): ServingStatus {
    const isOpen = this.#parts.listening.address !== undefined
    return { address: this.#address, isOpen, user: this.#user }
  }

  /** @throws OperationalError E_SERVE_ADDRESS_FIXED, E_USER_EXISTS, E_LISTEN, or one of the users file */
  async start(wish?: ServingWish): Promise<void> {
    await this.#inTurn(async () => {
      if (wish !== undefined) await this.#admit(wish)
      await this.#open()
    })
  }

  /** Ends the dumps; resolves when all sessions are gone. */
  async stop(): Promise<void> {
    await this.#inTurn(() => this.#close())
    this.#isStopped = true
    this.#parts.logger.info({}, 'replicas cannot connect any more, until that is started again')
  }

  /** The node is not ready any more; what is connected stays until `end`. */
  beginEnd(): void {
    this.#isEnding = true
    this.#parts.listening.address = undefined
  }

  /** As stop, and for good. */
  async end(): Promise<void> {
    await this.#inTurn(() => this.#close())
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    // Whoever asked is told of the failure; it is nothing to those behind.
    this.#turn = done.catch(() => undefined)
    await done
  }

  async #admit({ address, user, password }: ServingWish): Promise<void> {
    this.#refuseOther(address)
    await this.#parts.users.admit({ name: user, password })
    this.#user = user
  }

  /** Where it listens on all addresses of the machine, which of them is meant makes no difference. */
  #refuseOther(address: Address): void {
    const own = this.#address
    const isSameHost = isAnyAddress(own) || own.host === address.host
    if (isSameHost && own.port === address.port) return
    throw new OperationalError(
      'E_SERVE_ADDRESS_FIXED',
      `replicas connect to ${formatAddress(own)} (serve.listen), not to ${formatAddress(address)}: ` +
        'give that one, or restart the node with another serve.listen',
    )
  }

  async #open(): Promise<void> {
    if (this.#isEnding || this.#isOpen) return
    const { server, listening, logger } = this.#parts
    const { host, port } = this.#address
    this.#address = { host, port: await server.listener.open(host, port) }
    this.#isOpen = true
    listening.address = this.#address
    if (!this.#isStopped) return
    this.#isStopped = false
    logger.info({ listen: formatAddress(this.#address) }, 'replicas can connect again')
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { server, listening } = this.#parts
    listening.address = undefined
    await server.listener.close(SHUTDOWN_DUMPS_WAIT_MS)
  }
}
