import { type Address, type Config, formatAddress, isLoopback } from '../config/index.ts'
import { messageOf, OperationalError, systemCodeOf } from '../lib/index.ts'
import { listen } from '../platform/index.ts'
import { type DoctorFinding, note, ok, problem } from './checks.ts'

type ListenId = 'serve.listen' | 'admin.listen'

const KEEP_ALIVE_MS = 1000

/** Listens for a moment on each address. @param inUse another process has the data directory */
export async function listenFindings(config: Config, inUse: boolean): Promise<DoctorFinding[]> {
  const found: DoctorFinding[] = []
  for (const id of ['serve.listen', 'admin.listen'] as const) {
    found.push(await tryToListen(id, config[id], inUse))
  }
  return found
}

async function tryToListen(id: ListenId, address: Address, inUse: boolean): Promise<DoctorFinding> {
  const name = formatAddress(address)
  try {
    const accept = (connection: { destroy(): void }): void => connection.destroy()
    const server = await listen({ ...address, keepAliveMs: KEEP_ALIVE_MS, accept })
    server.close()
  } catch (thrown) {
    if (!(thrown instanceof OperationalError)) throw thrown
    return refused(id, thrown, inUse)
  }
  if (id === 'serve.listen' && isLoopback(address)) {
    return note(id, `${name} is free; replicas on other machines cannot reach it`, REACHABLE)
  }
  return ok(id, `${name} is free`)
}

const REACHABLE = 'serve.listen 0.0.0.0:3390 is every address of this machine'

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'end the process that has it (ss -ltnp shows which), or set another address',
  EADDRNOTAVAIL: 'set an address of this machine (ip address shows them), or 0.0.0.0',
  EACCES: 'ports below 1024 need rights: set a higher port',
  ENOTFOUND: 'set an address of this machine, or 0.0.0.0',
}

function refused(id: ListenId, error: OperationalError, inUse: boolean): DoctorFinding {
  const code = systemCodeOf(error.cause)
  if (inUse && code === 'EADDRINUSE') {
    return ok(id, `${messageOf(error)}: the node that runs has it`)
  }
  return problem(id, messageOf(error), `${REMEDIES[code ?? ''] ?? 'set another address'} (${id})`)
}
