import type { Server, Socket } from 'node:net'

/** The port that a proxy listens on. */
export function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy is closed')
  return address.port
}

/** Both ends of a connection through a proxy, which live and die together. */
export type SocketPair = readonly [Socket, Socket]

/** Ends both with either, and takes them out of `pairs` then. */
export function joinForLife(pair: SocketPair, pairs: Set<SocketPair>): void {
  pairs.add(pair)
  const part = (): void => {
    pairs.delete(pair)
    for (const socket of pair) socket.destroy()
  }
  for (const socket of pair) {
    socket.setNoDelay(true)
    socket.on('error', part)
    socket.on('close', part)
  }
}
