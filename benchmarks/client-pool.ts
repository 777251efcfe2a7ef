import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { replicationPassword, replicationUser } from '../test/e2e/harness/mysqld.ts'
import { projectFolder } from '../test/e2e/harness/project.ts'
import type { Corpus } from './corpus.ts'
import type { Command, Finished, Report } from './dump-client.ts'
import { cpuSeconds } from './process-usage.ts'

export interface Server {
  readonly port: number
  readonly pid: number
}

/** One run of some clients against one server. */
export interface ServingRun {
  /** of one dump, the packets' heads included */
  readonly dumpBytes: number
  readonly megabytesPerSecond: number
  /** CPU seconds of the server per GB sent */
  readonly serverCpu: number
  /** CPU seconds of all clients together per GB received */
  readonly clientCpu: number
}

/** So much is sent at least in one run: a single client then reads the file several times. */
const runBytesLeast = 800e6
const processCount = 2

/** Processes that play the replicas. They live through all runs. */
export class ClientPool {
  readonly #children: ChildProcess[]

  constructor() {
    const program = join(projectFolder, 'benchmarks', 'dump-client.ts')
    this.#children = Array.from({ length: processCount }, () =>
      fork(program, { execArgv: ['--import', 'tsx'] }),
    )
  }

  /** All clients log in, then begin at the same time; the last one's end is the run's. */
  async run(server: Server, corpus: Corpus, clients: number): Promise<ServingRun> {
    const children = this.#children.slice(0, clients)
    const lanes = clients / children.length
    const passes = Math.max(1, Math.round(runBytesLeast / (clients * corpus.bytes)))
    await Promise.all(
      children.map((child, index) =>
        ask(child, {
          kind: 'open',
          port: server.port,
          user: replicationUser,
          password: replicationPassword,
          file: corpus.file,
          bytesLeast: corpus.bytes,
          lanes,
          passes,
          serverId: 10_000 + index * lanes * passes,
        }),
      ),
    )
    const before = cpuSeconds(server.pid)
    const reports = await Promise.all(children.map((child) => ask(child, { kind: 'go' })))
    const serverSeconds = cpuSeconds(server.pid) - before
    const finished = reports.filter((report): report is Finished => report.kind === 'finished')
    const gigabytes = sum(finished.map(({ bytes }) => bytes)) / 1e9
    const began = Math.min(...finished.map(({ beganMs }) => beganMs))
    const ended = Math.max(...finished.map(({ endedMs }) => endedMs))
    return {
      dumpBytes: Math.round((gigabytes * 1e9) / (clients * passes)),
      megabytesPerSecond: (gigabytes * 1e6) / (ended - began),
      serverCpu: serverSeconds / gigabytes,
      clientCpu: sum(finished.map((report) => report.cpuSeconds)) / gigabytes,
    }
  }

  close(): void {
    for (const child of this.#children) child.disconnect()
  }
}

async function ask(child: ChildProcess, command: Command): Promise<Report> {
  const settled = new AbortController()
  const { signal } = settled
  const answer = once(child, 'message', { signal })
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a client process has ended with ${code}`)
  })
  child.send(command)
  const [report] = (await Promise.race([answer, ended])) as [Report]
  settled.abort()
  if (report.kind === 'failed') throw new Error(`a client says: ${report.reason}`)
  return report
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
