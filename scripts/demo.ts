/*
  npm run demo [-- --keep]

  A source, Kingbus and two replicas on this machine, all real: writes go in at the source, a replica
  is stopped and catches up, Kingbus is killed with -9 under load, and at the end everything is
  compared. --keep leaves all running and says how to connect.
*/
import { parseArgs } from 'node:util'
import { endEverything } from '../test/e2e/harness/child.ts'
import { Kingbus } from '../test/e2e/harness/kingbus.ts'
import { Load } from '../test/e2e/harness/load.ts'
import { Mysqld, rootPassword } from '../test/e2e/harness/mysqld.ts'
import { mysqlProgram } from '../test/e2e/harness/project.ts'
import { Replica } from '../test/e2e/harness/replica.ts'
import { pause } from '../test/e2e/harness/wait.ts'
import { LiveView } from './demo/live-view.ts'
import { type DemoParties, PartyWatch } from './demo/party-watch.ts'
import { stateVerdict } from './demo/verdict.ts'

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
if (values.keep) process.env['KINGBUS_KEEP_FOLDERS'] = '1'

const began = performance.now()
const seconds = (since: number): string => `${((performance.now() - since) / 1_000).toFixed(1)} s`
const section = (title: string): void => console.log(`\n== ${title}`)

async function startParties(): Promise<DemoParties> {
  section('Starting a source, Kingbus and two replicas')
  const detached = true
  const options = { max_binlog_size: '1M' }
  const source = await Mysqld.start({ serverId: 1, options, detached })
  console.log(`   source     127.0.0.1:${source.port}, ${await source.value('SELECT VERSION()')}`)
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, detached })
  console.log(`   Kingbus    127.0.0.1:${kingbus.port}, HTTP ${kingbus.adminUrl}`)
  const servers = await Promise.all([2, 3].map((serverId) => Mysqld.start({ serverId, detached })))
  for (const [index, server] of servers.entries()) {
    // MySQL waits 60 s between attempts to reconnect by default: too long before somebody's eyes.
    const clauses = ['SOURCE_CONNECT_RETRY=1', 'SOURCE_RETRY_COUNT=1000']
    await new Replica(server).attach(kingbus, { clauses })
    console.log(`   replica ${index + 1}  127.0.0.1:${server.port}, reads from Kingbus alone`)
  }
  return { source, kingbus, replicas: servers }
}

/** The disturbances, under load from the first line to the last. */
async function disturb(parties: DemoParties, view: LiveView): Promise<void> {
  const { source, kingbus, replicas } = parties
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
  console.log(`   replica 2 had all that was written meanwhile after ${seconds(stopped)}`)

  section(`Kingbus (process ${kingbus.pid}) is killed with -9 under load, and started again`)
  await kingbus.kill9()
  view.start()
  await pause(3_000)
  const killed = performance.now()
  await kingbus.launch()
  view.say(`   Kingbus serves again after ${seconds(killed)} (process ${kingbus.pid})`)
  await kingbus.waitForState('streaming')
  view.say(`   Kingbus reads from the source again after ${seconds(killed)}`)
  await pause(5_000)
  await view.stop()

  section('The writes end; the replicas catch up')
  await Promise.all(loads.map((load) => load.stop()))
  view.start()
  const ended = performance.now()
  for (const server of replicas) await new Replica(server).catchUpWith(source)
  await view.stop()
  console.log(`   both replicas had everything after ${seconds(ended)}`)
}

function present(server: Mysqld | undefined): Mysqld {
  if (server === undefined) throw new Error('the demo has two replicas')
  return server
}

async function leaveRunning({ source, kingbus, replicas }: DemoParties): Promise<void> {
  section('Everything is left running')
  const client = mysqlProgram('mysql')
  for (const [index, server] of [source, ...replicas].entries()) {
    const name = index === 0 ? 'source' : `replica ${index}`
    const socket = `${server.dataFolder}/mysql.sock`
    console.log(`   ${name}:\n     ${client} -uroot -p${rootPassword} --socket=${socket}`)
  }
  console.log(`   Kingbus: curl ${kingbus.adminUrl}/api/v1/status`)
  console.log(`     bin/kingbus status --admin ${kingbus.adminUrl}`)
  const pids = [source, kingbus, ...replicas].map((party) => party.pid)
  const folders = [source, ...replicas].map((server) => server.dataFolder.replace(/\/data$/, ''))
  console.log(`   to end it all: kill ${pids.join(' ')}`)
  console.log(`   and then:      rm -r ${[kingbus.folder, ...folders].join(' ')}`)
  for (const server of [source, ...replicas]) await server.release()
  kingbus.release()
}

async function main(): Promise<boolean> {
  const parties = await startParties()
  const watch = new PartyWatch(parties)
  await disturb(parties, new LiveView(() => watch.lines()))
  section('Comparing the tables, the GTID sets and the binlog files')
  const good = await stateVerdict(parties)
  if (values.keep) await leaveRunning(parties)
  return good
}

const good = await main().catch((thrown: unknown) => {
  console.error(thrown)
  return false
})
await endEverything()
console.log(`\n${good ? 'PASS' : 'FAIL'} after ${seconds(began)}`)
process.exit(good ? 0 : 1)
