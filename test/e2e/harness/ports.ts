import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the ports that Linux gives to outgoing connections (from 32768 on, by default): one of those can be taken by
 * any client between its choice here and the start of the server that is to listen on it.
 */
const FIRST = 10_000
const END = 32_768
const ATTEMPTS_MOST = 1000

/** Handed out in this process; a server that is down may come back to its port. */
const given = new Set<number>()

/** A TCP port of 127.0.0.1 that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return freePorts(1)
}

/** The first of so many such ports in a row. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MOST; attempt += 1) {
    const first = randomInt(FIRST, END - count)
    const ports = Array.from({ length: count }, (_, index) => first + index)
    if (ports.some((port) => given.has(port))) continue
    for (const port of ports) given.add(port)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return first
  }
  throw new Error(`no ${count} free ports in a row between ${FIRST} and ${END}`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
