import { type Logger, OperationalError, type Watched } from '../../../lib/index.ts'
import type { Clock, Random } from '../../../platform/index.ts'
import { isPassing, type MemberRecord, type NodeRecord, type Register } from '../../etcd/index.ts'
import type { ClusterState, Member } from '../../protocol/state/cluster-state.ts'

const RETRY_MS = 200
const TELL_MS = 10_000

export interface BootstrapOptions {
  readonly register: Register
  /** the nodes that live, as etcd shows them */
  readonly nodes: Watched<ReadonlyMap<string, NodeRecord>>
  /** the first members; undefined when the cluster is said to exist */
  readonly first: ReadonlyMap<string, MemberRecord> | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

/**
 * Resolves when the register has a state. A new cluster's first one is written when all first members have shown
 * themselves: all of them count from the beginning, so nobody may have records that the others lack.
 * @throws OperationalError E_CLUSTER_NOT_EMPTY
 */
export async function awaitState(options: BootstrapOptions, signal: AbortSignal): Promise<void> {
  const { register, nodes, first, clock, log } = options
  let tellAtMs = clock.monotonicMs() + TELL_MS
  while (!signal.aborted) {
    try {
      if ((await register.state.read()) !== undefined) return
      const names = [...(first?.keys() ?? [])]
      const missing = names.filter((name) => !nodes.value.has(name))
      if (first !== undefined && missing.length === 0) {
        await register.bootstrap(firstState(names, nodes.value, options.random), first)
        continue
      }
      if (clock.monotonicMs() >= tellAtMs) {
        tellAtMs += TELL_MS
        const waits = { missing: missing.join(', ') }
        if (first === undefined) log.warn({}, 'etcd knows no cluster yet that this node could join')
        else log.warn(waits, 'the cluster begins when all of cluster.initial-cluster are there')
      }
    } catch (thrown) {
      if (!isPassing(thrown)) throw thrown
    }
    await clock.sleep(RETRY_MS, signal)
  }
}

function firstState(
  first: readonly string[],
  nodes: ReadonlyMap<string, NodeRecord>,
  random: Random,
): ClusterState {
  const members: Member[] = first.map((node) => ({ node, store: nodes.get(node)?.store ?? '' }))
  const withRecords = first.filter((node) => Number(nodes.get(node)?.['end'] ?? 0) > 0)
  if (withRecords.length > 0 && first.length > 1) {
    const who = withRecords.join(', ')
    throw new OperationalError(
      'E_CLUSTER_NOT_EMPTY',
      `${who} has binlogs already: begin the cluster with that node alone in ` +
        'cluster.initial-cluster, then add the others with kingbus members add',
      { nodes: who },
    )
  }
  return {
    cluster: random.uuid(),
    version: 1,
    // Behind what they have accepted: a node that was recovered brings the epochs of its cluster before.
    epoch: Math.max(...first.map((node) => Number(nodes.get(node)?.['promised'] ?? 0))),
    leader: undefined,
    voters: members,
    inSync: members,
  }
}
