/*
  One Kingbus: writes go in at the source, a replica is stopped and catches up, Kingbus is killed with -9
  under load, and at the end everything is compared.
*/
import { Kingbus } from '../../test/e2e/harness/kingbus.ts'
import { Load } from '../../test/e2e/harness/load.ts'
import type { Mysqld } from '../../test/e2e/harness/mysqld.ts'
import { Replica } from '../../test/e2e/harness/replica.ts'
import { pause } from '../../test/e2e/harness/wait.ts'
import { LiveView } from './live-view.ts'
import { type DemoParties, PartyWatch } from './party-watch.ts'
import { leaveRunning, secondsSince, section, startReplicas, startSource } from './stage.ts'
import { stateVerdict } from './verdict.ts'

async function startParties(): Promise<DemoParties & { readonly kingbus: Kingbus }> {
  section('Starting a source, Kingbus and two replicas')
  const source = await startSource()
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, detached: true })
  console.log(`   Kingbus    127.0.0.1:${kingbus.port}, HTTP ${kingbus.adminUrl}`)
  const from = { name: 'Kingbus', address: kingbus }
  return {
    source,
    kingbus,
    nodes: [{ name: 'Kingbus', kingbus }],
    replicas: await startReplicas([from, from]),
  }
}

/** The disturbances, under load from the first line to the last. */
async function disturb(
  { source, kingbus, replicas }: Awaited<ReturnType<typeof startParties>>,
  view: LiveView,
): Promise<void> {
  const loads = await Promise.all(
    [1, 2].map((seed) => Load.start(source, { seed, restMs: 2, schema: `shop_${seed}` })),
  )
  section('Writes go in at the source: inserts, updates, deletes, DDL, tagged GTIDs, big ones')
  view.start()
  await pause(10_000)
  await view.stop()

  section('Replica 2 is stopped; the writes go on')
  await replicas[1]?.stop()
  view.start()
  await pause(6_000)
  view.say('   replica 2 starts again and catches up')
  const stopped = performance.now()
  await replicas[1]?.launch()
  await new Replica(present(replicas[1])).catchUpWith(source)
  await view.stop()
  console.log(`   replica 2 had all that was written meanwhile after ${secondsSince(stopped)}`)

  section(`Kingbus (process ${kingbus.pid}) is killed with -9 under load, and started again`)
  await kingbus.kill9()
  view.start()
  await pause(3_000)
  const killed = performance.now()
  await kingbus.launch()
  view.say(`   Kingbus serves again after ${secondsSince(killed)} (process ${kingbus.pid})`)
  await kingbus.waitForState('streaming')
  view.say(`   Kingbus reads from the source again after ${secondsSince(killed)}`)
  await pause(5_000)
  await view.stop()

  section('The writes end; the replicas catch up')
  await Promise.all(loads.map((load) => load.stop()))
  view.start()
  const ended = performance.now()
  for (const server of replicas) await new Replica(server).catchUpWith(source)
  await view.stop()
  console.log(`   both replicas had everything after ${secondsSince(ended)}`)
}

function present(server: Mysqld | undefined): Mysqld {
  if (server === undefined) throw new Error('the demo has two replicas')
  return server
}

/** Whether all was equal at the end. */
export async function playSingle(keep: boolean): Promise<boolean> {
  const parties = await startParties()
  const watch = new PartyWatch(parties)
  await disturb(parties, new LiveView(() => watch.lines()))
  section('Comparing the tables, the GTID sets and the binlog files')
  const good = await stateVerdict(parties)
  if (keep) await leaveRunning(parties)
  return good
}
