import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { compareBinlogs, serverDifferences } from './compare.ts'
import { Kingbus } from './kingbus.ts'
import { Load } from './load.ts'
import { Mysqld } from './mysqld.ts'
import { CutProxy } from './network/cut-proxy.ts'
import { Replica } from './replica.ts'
import { AckChecker } from './semi-sync/ack-checker.ts'
import { ProcessTrace } from './semi-sync/process-trace.ts'
import { disturb, disturbanceOrder, type Parties } from './upheaval.ts'
import { pause } from './wait.ts'

export interface UpheavalPlan {
  readonly seed: number
  readonly rounds: number
  /** after how many rounds everything is compared; the last round is always followed by it */
  readonly compareEvery: number
  readonly say: (line: string) => void
}

export interface UpheavalResult {
  readonly committed: number
  readonly differences: string[]
}

/** Its commits wait for Kingbus for ever. */
const sourceOptions = {
  max_binlog_size: '2M',
  'plugin-load-add': 'semisync_source.so',
  rpl_semi_sync_source_enabled: 'ON',
  rpl_semi_sync_source_timeout: '3600000',
}

async function startParties(): Promise<Parties & { readonly checker: AckChecker }> {
  const [source, server] = await Promise.all([
    Mysqld.start({ serverId: 1, options: sourceOptions }),
    Mysqld.start({ serverId: 2, options: { relay_log_recovery: 'ON' } }),
  ])
  const sourceProxy = await CutProxy.start(source.port)
  const trace = new ProcessTrace()
  const checker = await AckChecker.start({ port: sourceProxy.port, traces: [trace] })
  const kingbus = await Kingbus.start({
    sourceUrl: checker.sourceUrl,
    flags: { 'source-semi-sync': 'true', 'source-tls': 'disabled' },
    env: trace.env,
  })
  const replicaProxy = await CutProxy.start(kingbus.port)
  const replica = new Replica(server)
  // The default waits 60 s between attempts, which is all that these clauses change.
  const clauses = ['SOURCE_CONNECT_RETRY=1', 'SOURCE_RETRY_COUNT=100000']
  await replica.attach(replicaProxy, { clauses })
  return { source, kingbus, replica, sourceProxy, replicaProxy, checker }
}

/** In what the parties differ after the replica has caught up, and what was wrong of the acknowledgements. */
async function differencesOf(parties: Awaited<ReturnType<typeof startParties>>): Promise<string[]> {
  const { source, kingbus, replica, checker } = parties
  await replica.catchUpWith(source, 120_000)
  const files = (await compareBinlogs(source, kingbus)).differences
  return [
    ...(await serverDifferences(source, replica.server)),
    ...files.map(({ name, what }) => `${name}: ${what}`),
    ...checker.violations,
  ]
}

/** Disturbs every party at random moments under load; what differs at the end. */
export async function runUpheaval(plan: UpheavalPlan): Promise<UpheavalResult> {
  const random = new SeededRandom(plan.seed)
  const order = disturbanceOrder(random)
  const parties = await startParties()
  let committed = 0
  for (let round = 0; round < plan.rounds; ) {
    const load = await Load.start(parties.source, { seed: plan.seed * 1_000 + round })
    const last = Math.min(plan.rounds, round + plan.compareEvery)
    for (; round < last; round += 1) {
      await pause(random.between(100, 800))
      const next = order.next().value
      plan.say(
        `seed ${plan.seed} round ${round}: ${next} (${committed + load.committed} committed)`,
      )
      await disturb(parties, next, random)
    }
    await load.stop()
    committed += load.committed
    const differences = await differencesOf(parties)
    if (differences.length > 0) return { committed, differences }
    plan.say(`seed ${plan.seed}: everything equal after ${round} rounds, ${committed} transactions`)
  }
  return { committed, differences: [] }
}
