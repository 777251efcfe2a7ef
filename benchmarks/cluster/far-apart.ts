import { type Mysqld, replicationUser } from '../../test/e2e/harness/mysqld.ts'
import { BridgedNetwork, type NetworkHost } from '../../test/e2e/harness/network/bridged-network.ts'
import { DelayProxy } from '../../test/e2e/harness/network/delay-proxy.ts'
import { pause } from '../../test/e2e/harness/wait.ts'
import { BenchCluster } from './bench-cluster.ts'

const names = ['node1', 'node2', 'node3'] as const

/** Three nodes on machines of their own, far from each other; the source is near to all of them. */
export interface FarApart {
  readonly cluster: BenchCluster
  /** Breaks every way between them. */
  close(): Promise<void>
}

/**
 * Links, and both ports of etcd, go by way of proxies from the moment at which they have met.
 * @param oneWayMs that everything takes from one node to another
 */
export async function startFarApart(
  source: Mysqld,
  oneWayMs: number,
  flags: Readonly<Record<string, string>>,
): Promise<FarApart> {
  const network = new BridgedNetwork()
  const hosts = names.map((name) => network.addHost(name))
  for (const host of hosts) host.openLoopback(adminPort)
  const address = network.ourAddress
  const near = await DelayProxy.start(address, { host: '127.0.0.1', port: source.port }, () => 0)
  const cluster = await BenchCluster.start(source, {
    sourceUrl: `mysql://${replicationUser}@${address}:${near.port}`,
    places: hosts.map(({ place }) => place),
    flags,
  })
  const proxies = [near]
  for (const [index, to] of hosts.entries()) {
    const first = cluster.peerPort(index)
    for (let port = first; port < first + portsEach; port += 1) {
      const target = { host: to.address, port }
      const proxy = await DelayProxy.start(address, target, () => oneWayMs)
      proxies.push(proxy)
      detour(hosts, to, port, { address, port: proxy.port })
    }
  }
  // What was connected is broken, and meets again the long way.
  await pause(meetAgainMs)
  await cluster.settled()
  return {
    cluster,
    async close() {
      for (const proxy of proxies) await proxy.close()
    },
  }
}

const adminPort = 9595
const meetAgainMs = 5000
/** of the link, of etcd for its members, of etcd for the nodes */
const portsEach = 3

function detour(
  hosts: readonly NetworkHost[],
  to: NetworkHost,
  port: number,
  by: Parameters<NetworkHost['detour']>[2],
): void {
  for (const host of hosts) if (host !== to) host.detour(to, String(port), by)
}
