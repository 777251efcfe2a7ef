/*
  Networks that carry nothing, or not all, or late: in both directions or in one.
*/
import type { NetworkHost, Ports } from '../../e2e/harness/network/bridged-network.ts'
import { DelayProxy } from '../../e2e/harness/network/delay-proxy.ts'
import { all, type Fault, type Scene } from '../fault.ts'
import type { FaultNode } from '../world/fault-node.ts'

const LASTS_MS = 8000

/** A way that is cut: what is sent there does not arrive. */
interface Way {
  readonly from: NetworkHost
  readonly to: NetworkHost
  readonly ports?: Ports
}

interface Partition {
  readonly name: string
  readonly ingest?: Fault['ingest']
  readonly ways: (scene: Scene) => readonly Way[]
  readonly healthy?: Fault['healthy']
}

const othersOf = ({ world }: Scene, node: FaultNode): FaultNode[] =>
  world.nodes.filter((other) => other !== node)

const both = (way: Way): Way[] => [way, { ...way, from: way.to, to: way.from }]

/** From one node to the others. */
const toOthers = (scene: Scene, node: FaultNode, ports?: (to: FaultNode) => Ports): Way[] =>
  othersOf(scene, node).map(({ host }, index) => {
    const way = { from: node.host, to: host }
    const other = othersOf(scene, node)[index]
    return ports === undefined || other === undefined ? way : { ...way, ports: ports(other) }
  })

const reversed = (ways: readonly Way[]): Way[] =>
  ways.map((way) => ({ ...way, from: way.to, to: way.from }))

const allButLeader = (scene: Scene): FaultNode[] => [scene.follower, scene.other]

const partitions: readonly Partition[] = [
  {
    name: 'partition: the leader from the source',
    ways: ({ leader, world }) => both({ from: leader.host, to: world.sourceHost }),
  },
  {
    name: 'partition: the leader from the other etcds',
    // Its own etcd has no majority, so it is without one; the links to its followers stay.
    ways: (scene) => toOthers(scene, scene.leader, (to) => to.etcdPorts).flatMap(both),
    healthy: ({ world }) => world.nodes,
  },
  {
    name: 'partition: the leader from the other nodes',
    ways: (scene) => toOthers(scene, scene.leader).flatMap(both),
    healthy: allButLeader,
  },
  {
    name: 'partition: the leader from everybody',
    ways: (scene) => [
      ...toOthers(scene, scene.leader).flatMap(both),
      ...both({ from: scene.leader.host, to: scene.world.sourceHost }),
    ],
    healthy: allButLeader,
  },
  {
    name: 'partition: a follower from the other nodes',
    ways: (scene) => toOthers(scene, scene.follower).flatMap(both),
    healthy: ({ leader, other }) => [leader, other],
  },
  {
    name: 'partition: everybody from everybody',
    ingest: 'may stop',
    ways: (scene) => scene.world.nodes.flatMap((node) => toOthers(scene, node)),
  },
  {
    name: 'partition: the leader from a follower',
    ways: ({ leader, follower }) => both({ from: leader.host, to: follower.host }),
    healthy: ({ leader, other }) => [leader, other],
  },
  {
    name: 'one-way: nothing of the leader reaches the other nodes',
    ways: (scene) => toOthers(scene, scene.leader),
    healthy: allButLeader,
  },
  {
    name: 'one-way: nothing of the other nodes reaches the leader',
    ways: (scene) => reversed(toOthers(scene, scene.leader)),
    healthy: allButLeader,
  },
  {
    name: 'one-way: nothing of the links of the leader reaches the other nodes',
    ways: (scene) => toOthers(scene, scene.leader, () => scene.leader.linkPort),
  },
  {
    name: 'one-way: nothing of the source reaches the leader',
    ways: ({ leader, world }) => [{ from: world.sourceHost, to: leader.host }],
  },
  {
    name: 'one-way: nothing of the leader reaches the source',
    ways: ({ leader, world }) => [{ from: leader.host, to: world.sourceHost }],
  },
  {
    name: 'one-way: nothing of a follower reaches the other nodes',
    ways: (scene) => toOthers(scene, scene.follower),
    healthy: ({ leader, other }) => [leader, other],
  },
]

export const networkFaults: readonly Fault[] = [
  ...partitions.map(faultOf),
  delayed('the links between the nodes', async (scene) => await delayLinks(scene)),
  delayed('the way to the source', async (scene) => await delaySource(scene)),
  {
    name: 'every twentieth packet lost',
    ingest: 'goes on',
    holdMs: LASTS_MS,
    inflict: async ({ world }) => {
      for (const { host } of world.nodes) host.lose(5)
      return all(() => {
        for (const { host } of world.nodes) host.lose(0)
      })
    },
  },
]

function faultOf({ name, ingest = 'goes on', ways, healthy }: Partition): Fault {
  return {
    name,
    ingest,
    holdMs: LASTS_MS,
    ...(healthy === undefined ? {} : { healthy }),
    inflict: async (scene) => {
      const cut = ways(scene).map(({ from, to, ports }) => to.drop(from, ports))
      return all(...cut)
    },
  }
}

function delayed(what: string, inflict: Fault['inflict']): Fault {
  return { name: `${what} late by 20 to 150 ms`, ingest: 'goes on', holdMs: LASTS_MS, inflict }
}

async function delayLinks(scene: Scene): Promise<() => Promise<void>> {
  const { nodes } = scene.world
  const detours = nodes.map((to) => {
    const from = nodes.filter((node) => node !== to).map(({ host }) => host)
    return delay(scene, from, { host: to.host, port: Number(to.linkPort) })
  })
  return allOf(await Promise.all(detours))
}

async function delaySource(scene: Scene): Promise<() => Promise<void>> {
  const { nodes, source, sourceHost } = scene.world
  const hosts = nodes.map(({ host }) => host)
  return await delay(scene, hosts, { host: sourceHost, port: source.port })
}

async function delay(
  { world, random }: Scene,
  from: readonly NetworkHost[],
  to: { readonly host: NetworkHost; readonly port: number },
): Promise<() => Promise<void>> {
  const address = world.network.ourAddress
  const target = { host: to.host.address, port: to.port }
  const proxy = await DelayProxy.start(address, target, () => random.between(20, 150))
  const by = { address, port: proxy.port }
  const detours = from.map((host) => host.detour(to.host, String(to.port), by))
  return async () => {
    for (const end of detours) end()
    await proxy.close()
  }
}

function allOf(ends: ReadonlyArray<() => Promise<void>>): () => Promise<void> {
  return async () => {
    for (const end of ends) await end()
  }
}
