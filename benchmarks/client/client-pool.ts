import { replicationPassword, replicationUser } from '../../test/e2e/harness/mysqld.ts'
import type { Run } from '../figures.ts'
import { cpuSeconds } from '../process-usage.ts'
import type { DumpCommand, DumpReport, Finished, Lane } from '../programs/dump-client.ts'
import { ChildProgram } from './child-program.ts'

export interface Server {
  readonly port: number
  readonly pid: number
}

/** What some clients do at the same time. */
export interface Dumps {
  readonly file: string
  /** one for each client */
  readonly lanes: readonly Lane[]
  /** each client's dumps, one after another */
  readonly passes: number
  readonly tls?: boolean
  /** false for a sender without users */
  readonly login?: boolean
}

/** One run of some clients against one server. */
export interface ServingRun {
  /** the sizes of all dumps of each client, the packets' heads included */
  readonly dumpBytes: readonly (readonly number[])[]
  readonly cipher: string
  readonly run: Run
}

const processCount = 2
const firstServerId = 10_000

/** Processes that play the replicas. They live through all runs. */
export class ClientPool {
  readonly #children = Array.from({ length: processCount }, () => {
    return new ChildProgram<DumpCommand, DumpReport>('dump-client')
  })

  /** All clients log in, then begin at the same time; the last one's end is the run's. */
  async run(server: Server, { file, lanes, passes, tls, login }: Dumps): Promise<ServingRun> {
    const children = this.#children.slice(0, lanes.length)
    const address = {
      port: server.port,
      user: replicationUser,
      password: replicationPassword,
      tls: tls ?? false,
    }
    const opened = await Promise.all(
      children.map((child, index) =>
        child.ask({
          kind: 'open',
          address,
          login: login ?? true,
          file,
          lanes: lanes.filter((_, at) => at % children.length === index),
          passes,
          serverId: firstServerId + index * lanes.length * passes,
        }),
      ),
    )
    const before = cpuSeconds(server.pid)
    const reports = await Promise.all(children.map((child) => child.ask({ kind: 'go' })))
    const serverSeconds = cpuSeconds(server.pid) - before
    const finished = reports.filter((report): report is Finished => report.kind === 'finished')
    const dumpBytes = finished.flatMap((report) => report.dumpBytes)
    const gigabytes = sum(dumpBytes.flat()) / 1e9
    const began = Math.min(...finished.map(({ beganMs }) => beganMs))
    const ended = Math.max(...finished.map(({ endedMs }) => endedMs))
    const [first] = opened
    return {
      dumpBytes,
      cipher: first?.kind === 'opened' ? first.cipher : '',
      run: {
        megabytesPerSecond: (gigabytes * 1e6) / (ended - began),
        cpu: serverSeconds / gigabytes,
        clientCpu: sum(finished.map((report) => report.cpuSeconds)) / gigabytes,
      },
    }
  }

  close(): void {
    for (const child of this.#children) child.close()
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
