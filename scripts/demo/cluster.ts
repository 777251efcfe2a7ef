/*
  Three nodes of a cluster, and a replica at each of two of them. Under a constant load the leader is killed with -9,
  comes back, and is handed the leadership again; at the end everything is compared.
*/
import { KingbusCluster } from '../../test/e2e/harness/cluster/kingbus-cluster.ts'
import type { Kingbus } from '../../test/e2e/harness/kingbus.ts'
import { Load } from '../../test/e2e/harness/load.ts'
import type { Mysqld } from '../../test/e2e/harness/mysqld.ts'
import { Replica } from '../../test/e2e/harness/replica.ts'
import { pause, waitFor } from '../../test/e2e/harness/wait.ts'
import { LiveView } from './live-view.ts'
import { type DemoNode, type DemoParties, PartyWatch } from './party-watch.ts'
import { leaveRunning, secondsSince, section, startReplicas, startSource } from './stage.ts'
import { stateVerdict } from './verdict.ts'

interface Cast extends DemoParties {
  readonly cluster: KingbusCluster
}

async function startParties(): Promise<Cast> {
  section('Starting a source, three nodes of Kingbus, each with an etcd, and two replicas')
  const source = await startSource()
  const cluster = await KingbusCluster.start({ source, detached: true })
  const nodes = cluster.nodes.map((kingbus, index) => ({ name: `node${index + 1}`, kingbus }))
  const leader = await cluster.leader()
  for (const { name, kingbus } of nodes) {
    const role = kingbus === leader ? 'leads and reads the source' : 'follows'
    const text = `127.0.0.1:${kingbus.port}, HTTP ${kingbus.adminUrl}, ${role}`
    console.log(`   ${name.padEnd(10)} ${text}`)
  }
  // One reads from the node that will be killed, the other from one that stays.
  const leading = nodes.find(({ kingbus }) => kingbus === leader)
  const following = nodes.find(({ kingbus }) => kingbus !== leader)
  const readFrom = [leading, following].flatMap((node) =>
    node === undefined ? [] : [{ name: node.name, address: node.kingbus }],
  )
  return { source, cluster, nodes, replicas: await startReplicas(readFrom) }
}

function nodeOf({ nodes }: Cast, kingbus: Kingbus): DemoNode {
  const node = nodes.find((one) => one.kingbus === kingbus)
  if (node === undefined) throw new Error('it is none of the nodes')
  return node
}

/** Resolves when the node holds something that the source executes from now on. */
async function takesMore(kingbus: Kingbus, source: Mysqld): Promise<void> {
  const executed = await source.gtidExecuted()
  const what = 'a new leader that holds what is written now'
  await waitFor({ what, stepMs: 20 }, async () => {
    const { gtidExecuted } = await kingbus.status()
    const query = `SELECT GTID_SUBSET('${executed}', '${gtidExecuted.replaceAll('\n', '')}')`
    return (await source.value(query)) === '1'
  })
}

async function killLeader(cast: Cast, view: LiveView): Promise<void> {
  const { source, cluster } = cast
  const killed = nodeOf(cast, await cluster.leader())
  section(
    `The leader, ${killed.name} (process ${killed.kingbus.pid}), is killed with -9 under load`,
  )
  const when = performance.now()
  await killed.kingbus.kill9()
  view.start()
  const next = nodeOf(cast, await cluster.leader())
  view.say(`   ${next.name} reads the source after ${secondsSince(when)}`)
  await takesMore(next.kingbus, source)
  view.say(`   ${next.name} holds all that was written meanwhile after ${secondsSince(when)}`)
  await pause(3_000)
  await view.stop()

  section(`${killed.name} comes back, under load still`)
  const started = performance.now()
  view.start()
  await killed.kingbus.launch()
  // What is committed waits for it from then on.
  await cluster.waitForRoles({ [killed.name]: 'in-sync' })
  view.say(
    `   ${killed.name} (process ${killed.kingbus.pid}) counts after ${secondsSince(started)}`,
  )
  await pause(3_000)
  await view.stop()

  section(`A planned hand-over from ${next.name} to ${killed.name}`)
  view.start()
  const asked = performance.now()
  await killed.kingbus.request('POST', `/api/v1/members/${killed.name}/lead`)
  await killed.kingbus.waitForState('streaming')
  view.say(`   ${killed.name} reads the source after ${secondsSince(asked)}`)
  await pause(3_000)
  await view.stop()
}

async function disturb(cast: Cast, view: LiveView): Promise<void> {
  const { source, replicas } = cast
  const loads = await Promise.all(
    [1, 2].map((seed) => Load.start(source, { seed, restMs: 2, schema: `shop_${seed}` })),
  )
  section('Writes go in at the source: inserts, updates, deletes, DDL, tagged GTIDs, big ones')
  view.start()
  await pause(6_000)
  await view.stop()
  await killLeader(cast, view)

  section('The writes end; the nodes and the replicas catch up')
  await Promise.all(loads.map((load) => load.stop()))
  view.start()
  const ended = performance.now()
  await cast.cluster.catchUpWith(source)
  for (const server of replicas) await new Replica(server).catchUpWith(source)
  await view.stop()
  console.log(`   all had everything after ${secondsSince(ended)}`)
}

/** Whether all was equal at the end. */
export async function playCluster(keep: boolean): Promise<boolean> {
  const cast = await startParties()
  const watch = new PartyWatch(cast)
  await disturb(cast, new LiveView(() => watch.lines()))
  section('Comparing the tables, the GTID sets and the binlog files')
  const good = await stateVerdict(cast)
  if (keep) await leaveRunning(cast, cast.cluster.folder)
  else await cast.cluster.stop()
  return good
}
