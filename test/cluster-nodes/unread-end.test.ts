import { expect, it } from 'vitest'
import { Violation } from '../simulation/violation.ts'
import { runWorld, type World } from './world.ts'

/** Longer than it takes to find a new leader, in simulated time. */
const TAKEN_OVER_MS = 15_000
const SEEDS = [1, 2, 3]
const ROUNDS = 6

/** The end of the newest file cannot be read at the node that leads, which has to look at it for its next dump. */
async function unreadEnd(world: World): Promise<void> {
  for (let left = ROUNDS; left > 0; left -= 1) {
    await world.clock.sleep(world.random.between(20, 1500))
    await makeUnread(world)
  }
}

async function makeUnread(world: World): Promise<void> {
  const hasLeader = (): boolean => world.source.dump !== undefined && world.leader !== undefined
  await world.until(hasLeader, TAKEN_OVER_MS)
  const { leader } = world
  const end = leader?.log?.appended
  if (leader === undefined || end === undefined || end.boundary < 500) return
  const { disk } = leader
  const isEnd = (path: string): boolean => path.endsWith(`/${end.file}`)
  for (let reads = 0; reads < 1000; reads += 1) disk.arm('read fails', 0, isEnd)
  world.source.breakDump()
  // A file that has just begun has no transaction to be read.
  const goesOn = await world.until(() => world.source.dump !== undefined, TAKEN_OVER_MS)
  disk.disarm()
  if (goesOn && world.leader !== leader) world.count('taken over')
  if (!goesOn) throw new Violation('ingest goes on', `${leader.name} leads, and cannot read`)
}

it('a leader whose disk does not give its last transaction lets another one lead', {
  timeout: 60_000,
}, async () => {
  for (const seed of SEEDS) {
    const { violation, counts } = await runWorld({ seed, befalls: unreadEnd })
    expect(violation?.message).toBeUndefined()
    expect(counts.get('taken over')).toBeGreaterThan(2)
  }
})
