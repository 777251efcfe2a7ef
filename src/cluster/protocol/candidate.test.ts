import { expect, test } from 'vitest'
import { NO_FACTS } from './log/durable-facts.ts'
import { ProtocolNode } from './protocol-node.ts'
import type { ClusterState } from './state/cluster-state.ts'

const self = { node: 'a', store: 's', incarnation: 1 }
const other = { node: 'b', store: 't', incarnation: 1 }
const members = [self, other].map(({ node, store }) => ({ node, store }))

const bootstrapped: ClusterState = {
  cluster: 'c',
  version: 1,
  epoch: 0,
  leader: undefined,
  voters: members,
  inSync: members,
}

function candidate(): ProtocolNode {
  const tail = { end: 0, boundary: 0 }
  return new ProtocolNode({
    self,
    limits: { readTicks: 2, rememberTicks: 2, silentTicks: 2, stuckTicks: 6, standDownTicks: 6 },
    facts: NO_FACTS,
    log: {
      base: { epoch: 0, sequence: 0, digest: '', tail },
      lineage: [],
      end: 0,
      tail,
      removals: [],
    },
  })
}

/** Gives the answer to the read that is under way; what is decided by it. */
function answer(
  node: ProtocolNode,
  asked: ReturnType<ProtocolNode['step']>,
  revision: number,
  state: ClusterState,
): string[] {
  const read = asked.find((decision) => decision.kind === 'read-state')
  expect(read).toBeDefined()
  const input = { kind: 'state-read', id: read?.id ?? 0, revision, state } as const
  return node.step(input).map(({ kind }) => kind)
}

test('takes over a cluster that had no leader yet', () => {
  const node = candidate()
  answer(node, node.start(), 1, bootstrapped)
  const asked = node.step({ kind: 'leader-lost', delayTicks: 0, gone: [] })
  expect(answer(node, asked, 1, bootstrapped)).toContain('write-state')
})

test('leaves a cluster to its first leader, who was faster', () => {
  const node = candidate()
  answer(node, node.start(), 1, bootstrapped)
  const asked = node.step({ kind: 'leader-lost', delayTicks: 0, gone: [] })
  const led: ClusterState = { ...bootstrapped, version: 2, epoch: 1, leader: other }
  expect(answer(node, asked, 2, led)).not.toContain('write-state')
})
