import { describe, expect, it } from 'vitest'
import { runSeeds, shownFailure } from '../simulation/seeds.ts'
import { runWorld } from './world.ts'

const SEEDS = 500

/** Everything that can happen; none of it may be missing from the seeds of `npm test`. */
const HAPPENS = [
  'add',
  'answer is lost',
  'connect',
  'crash',
  'cut off',
  'disk: remove',
  'disk: truncate',
  'etcd never gets',
  'file begins',
  'follower breaks',
  'hand-over',
  'ingest',
  'kill',
  'leader breaks',
  'leader-lost',
  'link breaks',
  'pause',
  'purge',
  'read is lost',
  'remove',
  'source restarts',
  'sync fails',
  'sync of a part',
  'wipe',
  'write times out',
]

describe('simulated nodes of a cluster keep their promises', () => {
  it(`with the seeds from 1 to ${SEEDS}`, { timeout: 300_000 }, async () => {
    const result = await runSeeds((seed) => runWorld({ seed }), { from: 1, count: SEEDS })
    const { counts } = result
    expect(shownFailure('cluster', result)).toBeUndefined()
    expect(HAPPENS.filter((what) => !counts.has(what))).toEqual([])
    // The walks are not empty: a leader was found in most of them, and records were committed.
    expect(counts.get('epochs begun')).toBeGreaterThan(2 * SEEDS)
    expect(counts.get('records committed')).toBeGreaterThan(4 * SEEDS)
  })

  it('and do the same again with the same seed', () => {
    const first = runWorld({ seed: 3 })
    expect(runWorld({ seed: 3 }).digest).toBe(first.digest)
    expect(runWorld({ seed: 4 }).digest).not.toBe(first.digest)
  })
})
