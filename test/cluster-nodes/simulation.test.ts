import { describe, expect, it } from 'vitest'
import { runSeeds, shownFailure } from '../simulation/seeds.ts'
import { runWorld } from './world.ts'

const SEEDS = 30

/** Everything that can befall the nodes; none of it may be missing from the seeds of `npm test`. */
const HAPPENS = [
  'a disk is lost',
  'died by kill at an operation',
  'died by power cut at an operation',
  'disk full',
  'disk gone',
  'dump',
  'etcd down',
  'hand-over',
  'isolated',
  'lost transactions',
  'paused',
  'power cut everywhere',
  'process killed',
  'purge asked for',
  'read fails',
  'source link breaks',
  'stopped in order',
  'sync fails',
  'write fails',
]

describe('whole nodes of a cluster keep their promises', () => {
  it(`with the seeds from 1 to ${SEEDS}`, { timeout: 300_000 }, async () => {
    const result = await runSeeds((seed) => runWorld({ seed }), { from: 1, count: SEEDS })
    const { counts } = result
    expect(shownFailure('cluster-nodes', result)).toBeUndefined()
    expect(HAPPENS.filter((what) => !counts.has(what))).toEqual([])
    // Leaders changed, and records were committed.
    expect(counts.get('epochs begun')).toBeGreaterThan(2 * SEEDS)
    expect(counts.get('records committed')).toBeGreaterThan(100 * SEEDS)
  })

  it('and do the same again with the same seed', { timeout: 60_000 }, async () => {
    const first = await runWorld({ seed: 3 })
    expect((await runWorld({ seed: 3 })).digest).toBe(first.digest)
    expect((await runWorld({ seed: 4 })).digest).not.toBe(first.digest)
  })
})
