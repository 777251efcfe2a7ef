import { dirname } from 'node:path'
import { Mysqld, rootPassword } from '../../test/e2e/harness/mysqld.ts'
import { mysqlProgram } from '../../test/e2e/harness/project.ts'
import { Replica, type SourceAddress } from '../../test/e2e/harness/replica.ts'
import type { DemoParties } from './party-watch.ts'

export function section(title: string): void {
  console.log(`\n== ${title}`)
}

export function secondsSince(began: number): string {
  return `${((performance.now() - began) / 1_000).toFixed(1)} s`
}

export async function startSource(): Promise<Mysqld> {
  const options = { max_binlog_size: '1M' }
  const source = await Mysqld.start({ serverId: 1, options, detached: true })
  console.log(`   source     127.0.0.1:${source.port}, ${await source.value('SELECT VERSION()')}`)
  return source
}

/** A replica for each of these, attached to it, with its name in the words of the demo. */
export async function startReplicas(
  sources: readonly { readonly name: string; readonly address: SourceAddress }[],
): Promise<Mysqld[]> {
  const ids = sources.map((_, index) => index + 2)
  const servers = await Promise.all(
    ids.map((serverId) => Mysqld.start({ serverId, detached: true })),
  )
  for (const [index, { name, address }] of sources.entries()) {
    const server = servers[index]
    if (server === undefined) continue
    // MySQL waits 60 s between attempts to reconnect by default: too long before somebody's eyes.
    const clauses = ['SOURCE_CONNECT_RETRY=1', 'SOURCE_RETRY_COUNT=1000']
    await new Replica(server).attach(address, { clauses })
    console.log(`   replica ${index + 1}  127.0.0.1:${server.port}, reads from ${name} alone`)
  }
  return servers
}

/**
 * Leaves all parties running when this process ends, and says how to connect and how to end it all.
 * @param ofCluster a further folder that they use
 */
export async function leaveRunning(
  { source, nodes, replicas }: DemoParties,
  ofCluster?: string,
): Promise<void> {
  section('Everything is left running')
  const client = mysqlProgram('mysql')
  for (const [index, server] of [source, ...replicas].entries()) {
    const name = index === 0 ? 'source' : `replica ${index}`
    console.log(
      `   ${name}:\n     ${client} -uroot -p${rootPassword} --socket=${server.socketFile}`,
    )
  }
  for (const { name, kingbus } of nodes) {
    console.log(`   ${name}: curl ${kingbus.adminUrl}/api/v1/status`)
    console.log(`     bin/kingbus status --admin ${kingbus.adminUrl}`)
  }
  const [first] = nodes
  if (nodes.length > 1)
    console.log(
      `   all of them:\n     bin/kingbus cluster status --admin ${first?.kingbus.adminUrl}`,
    )
  const servers = [source, ...replicas]
  const running = nodes.map(({ kingbus }) => kingbus)
  const pids = [...servers, ...running].map((party) => party.pid)
  const folders = servers.map((server) => dirname(server.dataFolder))
  console.log(`   to end it all: kill ${pids.join(' ')}`)
  const shared = ofCluster === undefined ? [] : [ofCluster]
  const kept = [...running.map(({ folder }) => folder), ...folders, ...shared]
  console.log(`   and then:      rm -r ${kept.join(' ')}`)
  for (const server of servers) await server.release()
  for (const kingbus of running) kingbus.release()
}
