import type * as net from 'node:net'
import * as tls from 'node:tls'
import { messageOf } from '../lib/index.ts'

/** TLS 1.3 between two programs of which each has a certificate of one authority; all PEM text. */
export interface MutualTls {
  readonly authority: string
  readonly certificate: string
  readonly key: string
  /** the name that the server's certificate must have, whatever its address is */
  readonly serverName: string
}

/** Why there is no TLS; `isStranger`: the other side has a certificate of somebody else, or none. */
export interface TlsFault {
  readonly message: string
  readonly isStranger: boolean
}

export const GONE: TlsFault = { message: 'the connection ended', isStranger: false }

export type Secured = { readonly socket: tls.TLSSocket } | { readonly fault: TlsFault }

/** Lays TLS over a connection that is read no more; a stranger is not let in. */
export async function secureAsServer(
  socket: net.Socket,
  { authority, certificate, key }: MutualTls,
): Promise<Secured> {
  return await secureByServer(socket, {
    ca: authority,
    cert: certificate,
    key,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
  })
}

/** Lays TLS over a connection by a server of its own: Node checks a client's certificate nowhere else. */
export function secureByServer(socket: net.Socket, options: tls.TlsOptions): Promise<Secured> {
  const server = tls.createServer(options)
  return new Promise((resolve) => {
    const failed = (error: Error | undefined): void => {
      const fault = error === undefined ? GONE : { message: messageOf(error), isStranger: false }
      resolve({ fault })
    }
    server.once('secureConnection', (secured) => resolve({ socket: secured }))
    server.once('tlsClientError', failed)
    socket.once('close', () => failed(undefined))
    server.emit('connection', socket)
  })
}

/** The same from the side that has connected. */
export function secureAsClient(
  socket: net.Socket,
  { authority, certificate, key, serverName }: MutualTls,
): Promise<Secured> {
  const secured = tls.connect({
    socket,
    ca: authority,
    cert: certificate,
    key,
    servername: serverName,
    minVersion: 'TLSv1.3',
    // Judged below, where a stranger can be told from a connection that broke.
    rejectUnauthorized: false,
  })
  return new Promise((resolve) => {
    secured.once('secureConnect', () => {
      if (secured.authorized) return resolve({ socket: secured })
      const message = String(secured.authorizationError)
      secured.destroy()
      resolve({ fault: { message, isStranger: true } })
    })
    secured.on('error', (error) => {
      resolve({ fault: { message: messageOf(error), isStranger: false } })
    })
    secured.once('close', () => resolve({ fault: GONE }))
  })
}
