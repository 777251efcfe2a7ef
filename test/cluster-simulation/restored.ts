import type { ClusterState, DurableFacts } from '../../src/cluster/index.ts'
import { Violation } from '../simulation/violation.ts'
import type { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

/** What etcd shows after it was lost. */
interface Shown {
  readonly what: string
  readonly revision: number
  readonly state: ClusterState | undefined
}

/**
 * Another end of a seed: etcd has been restored from an old copy, was made anew, or is another cluster's. Every node
 * that remembers more stops when it starts; the others cannot know.
 */
export function restored(world: World): void {
  const shown = damaged(world)
  world.note(`etcd is restored: ${shown.what}`)
  for (const node of world.nodes) {
    if (node.isUp) node.die(node.store.durable)
    const { facts } = node.store
    const mustStop = isContradicted(facts, shown.state)
    node.mayStop = mustStop
    node.start()
    show(world, node, shown)
    const hasStopped = node.core?.stopped === 'register-went-back'
    if (hasStopped === mustStop) continue
    const text = `${node.name} remembers ${JSON.stringify(facts)} and ${hasStopped ? 'stops' : 'works'}`
    throw new Violation('a register that went back stops the node', `${text}; ${shown.what}`)
  }
}

function damaged({ etcd, random }: World): Shown {
  const revision = random.between(1, etcd.revision)
  const state = etcd.at(revision)
  return random.pick<Shown>([
    { what: `revision ${revision} of ${etcd.revision}`, revision, state },
    { what: `revision ${revision} of ${etcd.revision}`, revision, state },
    { what: 'nothing', revision: 0, state: undefined },
    { what: 'another cluster', revision, state: { ...state, cluster: 'cluster-2' } },
  ])
}

/** Said in its own words, not the protocol's. */
function isContradicted({ cluster, seen }: DurableFacts, state: ClusterState | undefined): boolean {
  if (cluster === undefined) return false
  if (state === undefined || state.cluster !== cluster) return true
  const order = (epoch: number, version: number): number => epoch * 1_000_000 + version
  return order(state.epoch, state.version) < order(seen.epoch, seen.version)
}

/** The answer to the read that every process begins with. */
function show({ etcd }: World, node: SimulatedNode, { revision, state }: Shown): void {
  const read = etcd.reads.find((one) => one.node === node.name)
  if (read === undefined) throw new Error(`${node.name} asks nothing when it starts`)
  etcd.takeRead(read)
  node.give({ kind: 'state-read', id: read.id, revision, state })
}
