import { connect, createServer, type Server, type Socket } from 'node:net'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { mutate } from '../mutate.ts'

const END_MS_MOST = 200
const GARBAGE_BYTES_MOST = 5_000

/**
 * Stands between Kingbus and its source and spoils what the source says: bytes on their way, and now and then
 * it answers itself, with noise or with a greeting that is none.
 */
export class SourceProxy {
  readonly #server: Server
  readonly #random: SeededRandom
  #spoils = false
  /** a greeting of the source, to be spoilt */
  #greeting: Buffer = Buffer.from('hello')
  /** chunks of bytes that were changed, and connections that were answered with something else */
  spoilt = 0
  connections = 0

  static async start(targetPort: number, random: SeededRandom): Promise<SourceProxy> {
    const proxy = new SourceProxy(targetPort, random)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  private constructor(targetPort: number, random: SeededRandom) {
    this.#random = random
    this.#server = createServer((client) => this.#join(client, targetPort))
    this.#server.unref()
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed')
    return address.port
  }

  spoil(spoils: boolean): void {
    this.#spoils = spoils
  }

  #join(client: Socket, targetPort: number): void {
    this.connections += 1
    client.on('error', () => {})
    if (this.#spoils && this.#random.chance(0.3)) {
      this.spoilt += 1
      client.write(this.#ownWords())
      client.on('data', (bytes) => client.write(this.#change(bytes)))
      this.#endSoon(client)
      return
    }
    const target = connect(targetPort, '127.0.0.1')
    let greeted = false
    const part = (): void => {
      client.destroy()
      target.destroy()
    }
    for (const socket of [client, target]) {
      socket.setNoDelay(true)
      socket.on('error', part)
      socket.on('close', part)
    }
    client.on('data', (bytes) => target.write(bytes))
    target.on('data', (bytes) => {
      if (!greeted) this.#greeting = Buffer.from(bytes)
      // Logins come through most of the time, or no dump would ever be spoilt.
      const spoils = this.#spoils && this.#random.chance(greeted ? 0.1 : 0.02)
      greeted = true
      client.write(spoils ? this.#change(bytes) : bytes)
      if (spoils) this.#endSoon(client)
    })
  }

  /** Most of the time: where a length has grown, Kingbus waits for the rest as long as it waits for a heartbeat. */
  #endSoon(client: Socket): void {
    if (this.#random.chance(0.02)) return
    setTimeout(() => client.destroy(), this.#random.between(5, END_MS_MOST))
  }

  #ownWords(): Buffer {
    if (this.#random.chance(0.5)) return this.#change(this.#greeting)
    const noise = Buffer.alloc(this.#random.between(1, GARBAGE_BYTES_MOST))
    for (let at = 0; at < noise.length; at += 1) noise[at] = this.#random.between(0, 255)
    return noise
  }

  #change(bytes: Buffer): Buffer {
    this.spoilt += 1
    return mutate(bytes, this.#random, { others: [bytes], words: [] })
  }
}
