import { connect, createServer, type Socket } from 'node:net'
import { silentLogger } from '../../../../src/lib/index.ts'
import { Command, GtidSet } from '../../../../src/mysql/index.ts'
import { systemClock } from '../../../../src/platform/index.ts'
import { Dumps } from '../../../../src/serve/dump/dumps.ts'
import { MemoryBinlogs } from '../../../../src/serve/dump/testing/memory-binlogs.ts'
import { Replicas } from '../../../../src/serve/replicas.ts'
import { FACTS, startFakeServer } from '../../../../src/serve/testing/fake-server.ts'
import { filesOf, type OlderServer } from '../../../older-servers.ts'
import { atExit } from '../child.ts'
import { portOf } from '../network/joined.ts'

/** The account of `startFakeServer` that may replicate. */
export const olderSourceUser = 'repl'
export const olderSourcePassword = 'plain secret'

export interface OlderSource {
  readonly port: number
  /** the statements that it was sent, each once */
  readonly statements: ReadonlySet<string>
}

/**
 * A stand-in for a source of an older version: our own server with that version's files and facts, behind a proxy
 * that makes the words which the version does not have unknown.
 */
export async function startOlderSource(server: OlderServer): Promise<OlderSource> {
  const files = filesOf(server)
  const binlogs = new MemoryBinlogs(files)
  const executed = binlogs.executed()
  const sizes = files.map(({ name, bytes }) => ({ name, size: bytes.length }))
  const facts = {
    ...FACTS,
    serverUuid: '90b578d4-e6e1-11f1-82c0-02fc00000001',
    version: server.version,
    executed: () => executed,
    purged: () => GtidSet.parse('90b578d4-e6e1-11f1-82c0-02fc00000001:1-2'),
    files: () => sizes,
    visibleEnd: () => binlogs.visible.value,
  }
  const replicas = new Replicas(systemClock)
  const parts = { reader: binlogs, replicas, clock: systemClock, logger: silentLogger }
  const dumps = new Dumps({ ...parts, serverId: facts.serverId })
  const standIn = await startFakeServer({
    facts,
    runDump: (request, sink) => dumps.run(request, sink),
  })
  atExit(() => void standIn.close())
  const statements = new Set<string>()
  const proxy = createServer((client) => join(client, standIn.port, server.unknown, statements))
  proxy.unref()
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  atExit(() => void proxy.close())
  return { port: portOf(proxy), statements }
}

/** Statements are short, and come alone: each chunk of the client is a packet. */
function join(client: Socket, port: number, unknown: RegExp, statements: Set<string>): void {
  const target = connect(port, '127.0.0.1')
  for (const [socket, other] of [
    [client, target],
    [target, client],
  ] as const) {
    socket.setNoDelay(true)
    socket.on('error', () => other.destroy())
    socket.on('close', () => other.destroy())
  }
  target.on('data', (bytes) => client.write(bytes))
  client.on('data', (bytes) => {
    if (bytes[3] === 0 && bytes[4] === Command.QUERY) {
      const text = bytes.toString('utf8', 5)
      statements.add(text)
      // Of the same length, and no statement of any version.
      if (unknown.test(text)) bytes.write('SHEW', 5)
    }
    target.write(bytes)
  })
}
