import { describe, expect, it } from 'vitest'
import type { SeenReplica } from '../../serve/index.ts'
import { type KnownReplica, KnownReplicas } from './known-replicas.ts'
import type { NodeNeeds } from './node-needs.ts'

const replica = (uuid: string, needs: number): SeenReplica => ({
  uuid,
  serverId: 7,
  user: 'repl',
  host: 'db',
  file: `binlog.${needs}`,
  position: 4,
  needs: `binlog.${needs}`,
})

function says(some: Partial<NodeNeeds>): NodeNeeds {
  const nobody = { connected: [], left: [], dumps: [], readFrom: null, askedFrom: null }
  return { process: 'first', ...nobody, roomBytes: 0, isHeld: true, ...some }
}

const left = (uuid: string, needs: number, awayMs: number, id = 1) => ({
  ...replica(uuid, needs),
  id,
  awayMs,
})

function take(known: KnownReplicas, answers: Record<string, NodeNeeds>, passedMs = 0): void {
  known.take(new Map(Object.entries(answers)), passedMs)
}

const absent = (known: KnownReplicas): (readonly [string, string, number])[] =>
  known.absent().map(({ uuid, needs, awayMs }) => [uuid, needs, awayMs] as const)

describe('replicas that are known', () => {
  it('are away from when they left, and forgotten after so long', () => {
    const known = new KnownReplicas([])
    take(known, { one: says({ connected: [replica('a', 3)] }) })
    expect(known.neededFrom()).toBeUndefined()
    take(known, { one: says({ left: [left('a', 4, 50)] }) })
    expect(absent(known)).toEqual([['a', 'binlog.4', 50]])
    take(known, { one: says({ left: [left('a', 4, 50)] }) }, 100)
    expect(known.neededFrom()).toBe('binlog.4')
    expect(known.expire(150)).toEqual([])
    expect(known.expire(149)).toHaveLength(1)
    expect(known.neededFrom()).toBeUndefined()
  })

  it('are not away while any node has them, whatever another says', () => {
    const known = new KnownReplicas([])
    const two = says({ connected: [replica('a', 6)] })
    take(known, { one: says({ left: [left('a', 4, 50)] }), two })
    expect(known.absent()).toEqual([])
    take(known, { two, one: says({ left: [left('a', 4, 60)] }) }, 10)
    expect(known.absent()).toEqual([])
  })

  it('need what they need by the node that they left last', () => {
    const known = new KnownReplicas([])
    take(known, { one: says({ connected: [replica('a', 3)] }), two: says({}) })
    const one = says({ left: [left('a', 4, 900)] })
    take(known, { one, two: says({ process: 'of two', left: [left('a', 2, 100)] }) })
    expect(absent(known)).toEqual([['a', 'binlog.2', 100]])
    take(known, { one, two: says({}) }, 10)
    expect(absent(known)).toEqual([['a', 'binlog.2', 110]])
  })

  it('are away where they were last when their node is gone with them', () => {
    const known = new KnownReplicas([])
    take(known, { one: says({}), two: says({ connected: [replica('a', 3)] }) })
    take(known, { one: says({}) }, 10)
    take(known, { one: says({}) }, 10)
    expect(absent(known)).toEqual([['a', 'binlog.3', 10]])
    take(known, { one: says({}), two: says({ process: 'second' }) }, 10)
    expect(absent(known)).toEqual([['a', 'binlog.3', 20]])
  })

  it('are given up once, and come back as if nothing had been', () => {
    const known = new KnownReplicas([])
    const one = says({ left: [left('a', 3, 0), left('b', 5, 0, 2)] })
    take(known, { one })
    expect(known.giveUpBefore('binlog.3')).toEqual([])
    expect(known.giveUpBefore('binlog.4').map(({ uuid }) => uuid)).toEqual(['a'])
    expect(known.giveUpBefore('binlog.4')).toEqual([])
    take(known, { one }, 1)
    expect(known.neededFrom()).toBe('binlog.5')
    take(known, { one: says({ connected: [replica('a', 7)] }) })
    take(known, { one: says({ left: [left('a', 7, 0, 3)] }) })
    expect(known.absent().find(({ uuid }) => uuid === 'a')?.isGivenUp).toBe(false)
  })

  it('are a thousand at most, and who is away longest goes first', () => {
    const known = new KnownReplicas([])
    const all = Array.from({ length: 1003 }, (_, index) => left(`r${index}`, 3, index, index))
    take(known, { one: says({ left: all }) })
    expect(known.all()).toHaveLength(1000)
    expect(known.absent().every(({ awayMs }) => awayMs < 1000)).toBe(true)
  })

  it('are those that were kept', () => {
    const row = { node: 'one', isConnected: false, awayMs: 5, leaving: null, isGivenUp: false }
    const kept: KnownReplica[] = [{ ...replica('a', 3), ...row }]
    expect(new KnownReplicas(kept).neededFrom()).toBe('binlog.3')
  })
})
