import { type Connection, connect, listen } from '../../../platform/index.ts'

/** What a relay does with bytes on their way; nothing is handed on of an empty result. */
export type Change = (bytes: Buffer, from: 'dialler' | 'listener') => Buffer

/** Stands between nodes as a network does: hands on, holds back, changes, cuts. */
export interface Relay {
  readonly url: URL
  /** From now on what comes is kept from the other side, ends too, and nobody is told. */
  stall(): void
  close(): void
}

export async function relayTo(target: URL, change: Change = (bytes) => bytes): Promise<Relay> {
  let isStalled = false
  const all: Connection[] = []
  const pass = async (
    from: Connection,
    to: Connection,
    side: 'dialler' | 'listener',
  ): Promise<void> => {
    for (;;) {
      const bytes = await from.read()
      if (bytes === undefined) {
        if (!isStalled) to.destroy()
        return
      }
      const changed = isStalled ? Buffer.alloc(0) : change(bytes, side)
      if (changed.length > 0) to.write(changed)
    }
  }
  const accept = async (near: Connection): Promise<void> => {
    const { signal } = new AbortController()
    const far = await connect({ host: target.hostname, port: Number(target.port) }, signal)
    all.push(near, far)
    void pass(near, far, 'dialler')
    void pass(far, near, 'listener')
  }
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    keepAliveMs: 1000,
    accept: (near) => void accept(near),
  })
  return {
    url: new URL(`${target.protocol}//127.0.0.1:${server.port}`),
    stall() {
      isStalled = true
    },
    close() {
      server.close()
      for (const connection of all) connection.destroy()
    },
  }
}
