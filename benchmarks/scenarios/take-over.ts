import type { Connection } from 'mysql2/promise'
import type { Kingbus } from '../../test/e2e/harness/kingbus.ts'
import type { Mysqld } from '../../test/e2e/harness/mysqld.ts'
import { pause, waitFor } from '../../test/e2e/harness/wait.ts'
import { alternate } from '../alternate.ts'
import { BenchCluster } from '../cluster/bench-cluster.ts'
import type { Run } from '../figures.ts'
import type { Goal, Measured, Scenario } from '../scenario.ts'
import { percentilesOf } from '../spread.ts'
import type { Stage } from '../stage.ts'

/** In three rounds more than twenty. */
const killsAtScale1 = 7
const betweenMs = 10
const lookMs = 10
const withEtcd = 'kingbus and its etcd'
const settings = {
  'cluster-heartbeat-interval': '50',
  'cluster-election-timeout': '500',
  'cluster-lease-ttl': '1s',
  'source-start-at': 'newest',
}

const goals: Goal[] = [
  { who: 'kingbus', says: 'kill -9 of the leader until ingest runs again, ms at most', most: 1000 },
  { who: withEtcd, says: 'the same with its etcd, ms at most', most: 4000 },
].map(({ who, says, most }) => ({
  what: 'take-over',
  says,
  figure: (of) => of(who, 'maxMs').most,
  most,
}))

/** One client that commits a row every few milliseconds, whoever reads the binlog. */
class Trickle {
  readonly #connection: Connection
  #isStopping = false
  readonly #ended: Promise<void>

  static async start(server: Mysqld): Promise<Trickle> {
    return new Trickle(await server.connect())
  }

  private constructor(connection: Connection) {
    this.#connection = connection
    this.#ended = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#ended
    await this.#connection.end()
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.#connection.query('UPDATE bench.sbtest1 SET k = k + 1 WHERE id = 1')
      await pause(betweenMs)
    }
  }
}

/** The number of the last transaction of a set that has one range. */
function lastOf(gtids: string): number {
  return Number(/(\d+)\s*$/.exec(gtids)?.[1] ?? 0)
}

/** Until a transaction that was committed after the kill is shown by a node that lives. */
async function killOnce(
  server: Mysqld,
  cluster: BenchCluster,
  isEtcdToo: boolean,
): Promise<number> {
  const leader = await cluster.settled()
  await waitFor({ what: 'the leader to ingest', stepMs: lookMs }, async () => {
    const { source } = await leader.status()
    return source.state === 'streaming'
  })
  const survivors = cluster.nodes.filter((node) => node !== leader)
  const etcd = await cluster.etcdOf(leader)
  const began = performance.now()
  if (isEtcdToo) process.kill(etcd, 'SIGKILL')
  await leader.kill9()
  await server.sql('UPDATE bench.sbtest2 SET k = k + 1 WHERE id = 1')
  const committed = lastOf(await server.gtidExecuted())
  const shows = async (node: Kingbus): Promise<boolean> =>
    lastOf((await node.status()).gtidExecuted) >= committed
  await waitFor({ what: 'a survivor to ingest', stepMs: lookMs }, async () => {
    const shown = await Promise.all(survivors.map(shows))
    return shown.includes(true)
  })
  const took = performance.now() - began
  await cluster.relaunch(leader)
  return took
}

async function measure({ corpus, repeats, scale }: Stage): Promise<Measured[]> {
  const { server } = corpus
  const cluster = await BenchCluster.start(server, { flags: settings })
  const trickle = await Trickle.start(server)
  const kills = Math.max(1, Math.round(killsAtScale1 * Math.min(1, scale)))
  const killed = (isEtcdToo: boolean) => async (): Promise<Run> => {
    const samples: number[] = []
    while (samples.length < kills) samples.push(await killOnce(server, cluster, isEtcdToo))
    const { p50Ms, maxMs } = percentilesOf(samples)
    return { p50Ms, maxMs }
  }
  const parties = [
    { who: 'kingbus', run: killed(false) },
    { who: withEtcd, run: killed(true) },
  ]
  try {
    return await alternate('take-over', parties, { repeats })
  } finally {
    await trickle.stop()
    await cluster.stopAndRemove()
  }
}

export const takeOver: Scenario = {
  name: 'take-over',
  measures:
    'kill -9 of the leader of three, under a light load, until a transaction that was committed after it is shown ' +
    `by another node; ${killsAtScale1} kills in each round (heartbeat 50 ms, election 500 ms, lease 1 s)`,
  shapes: ['small'],
  goals,
  run: async (stage) => {
    await stage.removeKingbus()
    return await measure(stage)
  },
}
