import * as net from 'node:net'
import type { Duplex } from 'node:stream'
import * as tls from 'node:tls'

export interface DialOptions {
  readonly host: string
  readonly port: number
}

/** A connection to a server, read into one buffer instead of a fresh one per read (twice as fast). */
export interface Dialed {
  readonly stream: Duplex
  /**
   * From now on what arrives goes to `receive` and no longer to 'data' listeners, and is read into `target`
   * (but for the first read, which may be under way). The bytes are valid only until the connection is read
   * again: at once when `receive` returns true, else when the stream is resumed. Has no effect on what arrives
   * through a TLS stream laid over this one.
   */
  divert(target: Buffer<ArrayBuffer>, receive: (bytes: Buffer) => boolean): void
}

/** Enough for a login and what is asked behind it. */
const LOGIN_READ_BYTES = 64 * 1024

/** Begins to connect at once; the stream says how that went ('connect', 'error'). */
export function dial({ host, port }: DialOptions): Dialed {
  let receive: ((bytes: Buffer) => boolean) | undefined
  let target: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(LOGIN_READ_BYTES)
  const socket = net.connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    onread: {
      buffer: () => target,
      callback(size, bytes) {
        const read = Buffer.from(bytes.buffer, bytes.byteOffset, size)
        if (receive !== undefined) return receive(read)
        socket.emit('data', Buffer.from(read))
        return true
      },
    },
  })
  return {
    stream: socket,
    divert(to, receiver) {
      target = to
      receive = receiver
    },
  }
}

/** Why the certificate of this TLS stream is not the named host's, or undefined when it is. */
export function certificateMismatch(stream: Duplex, host: string): Error | undefined {
  if (!(stream instanceof tls.TLSSocket)) return new Error('the connection is not under TLS')
  return tls.checkServerIdentity(host, stream.getPeerCertificate())
}

/** The host is written as an IP address. */
export function isAddress(host: string): boolean {
  return net.isIP(host) !== 0
}
