import { expect, test } from 'vitest'
import type { Decision } from './decisions.ts'
import type { Input } from './inputs.ts'
import { NO_FACTS } from './log/durable-facts.ts'
import { ProtocolNode } from './protocol-node.ts'

const STREAM = 1
const NEWS = { committed: 0, version: 1, round: 1 }

function follower(): ProtocolNode {
  const limits = {
    readTicks: 2,
    rememberTicks: 2,
    silentTicks: 2,
    stuckTicks: 6,
    standDownTicks: 6,
  }
  const log = {
    base: { epoch: 0, sequence: 0, digest: '', tail: { end: 0, boundary: 0 } },
    lineage: [],
    end: 0,
    tail: { end: 0, boundary: 0 },
    removals: [],
  }
  const node = new ProtocolNode({
    self: { node: 'a', store: 's', incarnation: 1 },
    limits,
    facts: { ...NO_FACTS, cluster: 'c' },
    log,
  })
  node.start()
  return node
}

const kinds = (decisions: readonly Decision[]): string[] => decisions.map(({ kind }) => kind)

test('reads no records of a new leader before its own disk has done what the join asks for', () => {
  const node = follower()
  const give = (input: Input): readonly Decision[] => node.step(input)
  give({ kind: 'stream-opened', stream: STREAM })
  expect(node.follower.takesMessages).toBe(true)
  const point = { epoch: 0, sequence: 0 }
  const shared = { kind: 'shared', cluster: 'c', epoch: 1, point, digest: 'd', ...NEWS } as const
  expect(kinds(give({ kind: 'message', stream: STREAM, message: shared }))).toContain('read-digest')
  expect(node.follower.takesMessages).toBe(false)
  const promised = give({ kind: 'digest-read', stream: STREAM, sequence: 0, digest: 'd' })
  expect(node.follower.takesMessages).toBe(false)
  for (const decision of promised) {
    if (decision.kind === 'remember') give({ kind: 'remembered', facts: decision.facts })
  }
  expect(node.follower.takesMessages).toBe(true)
  const start = { sequence: 1, epoch: 1, kind: 'epoch-start', crc: 0, end: 0, boundary: 0 } as const
  const records = { kind: 'records', headers: [start], ...NEWS } as const
  expect(kinds(give({ kind: 'message', stream: STREAM, message: records }))).toContain('append')
})
