import { type Mysqld, replicationUser } from '../mysqld.ts'
import { BridgedNetwork, type NetworkHost } from '../network/bridged-network.ts'
import { DelayProxy } from '../network/delay-proxy.ts'
import { type ClusterOptions, PORTS_OF_A_NODE } from './kingbus-cluster.ts'

/** Three machines far from each other, for a node of a cluster each; the source is near to all of them. */
export interface FarApart {
  /** for a cluster on them */
  readonly options: Required<Pick<ClusterOptions, 'sourceUrl' | 'places' | 'firstPort'>>
  /** Breaks every way between them, and to the source. */
  close(): Promise<void>
}

const names = ['node1', 'node2', 'node3'] as const
const adminPort = 9595
const firstPort = 9600

/**
 * Links, and both ports of etcd, go by way of proxies, from the first connection on.
 * @param oneWayMs that everything takes from one node to another
 */
export async function layFarApart(source: Mysqld, oneWayMs: number): Promise<FarApart> {
  const network = new BridgedNetwork()
  const hosts = names.map((name) => network.addHost(name))
  for (const host of hosts) host.openLoopback(adminPort)
  const address = network.ourAddress
  const near = await DelayProxy.start(address, { host: '127.0.0.1', port: source.port }, () => 0)
  const proxies = [near]
  for (const to of hosts) {
    for (let port = firstPort; port < firstPort + PORTS_OF_A_NODE; port += 1) {
      const target = { host: to.address, port }
      const proxy = await DelayProxy.start(address, target, () => oneWayMs)
      proxies.push(proxy)
      detour(hosts, to, port, { address, port: proxy.port })
    }
  }
  return {
    options: {
      sourceUrl: `mysql://${replicationUser}@${address}:${near.port}`,
      places: hosts.map(({ place }) => place),
      firstPort,
    },
    async close() {
      for (const proxy of proxies) await proxy.close()
    },
  }
}

function detour(
  hosts: readonly NetworkHost[],
  to: NetworkHost,
  port: number,
  by: Parameters<NetworkHost['detour']>[2],
): void {
  for (const host of hosts) if (host !== to) host.detour(to, String(port), by)
}
