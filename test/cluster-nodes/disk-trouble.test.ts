/*
  Nodes whose disks get into trouble that lasts: others go on meanwhile where they can, what was shown is shown on, and
  whoever was in trouble takes part again by itself.
*/
import { describe, expect, it } from 'vitest'
import { isMember } from '../../src/cluster/index.ts'
import type { SimulatedDisk } from '../../src/platform/testing/simulated-disk.ts'
import { runSeeds } from '../simulation/seeds.ts'
import { Violation } from '../simulation/violation.ts'
import type { SimulatedNode } from './node.ts'
import { runWorld, type World } from './world.ts'

const SEEDS = 3
/** So long all of them are in trouble. */
const ALL_MS = 8000
/** In simulated time: what a cluster may take to be whole at first, to go on without a node, and to have it again. */
const BEGINS_MS = 20_000
const OTHERS_GO_ON_MS = 20_000
const COMES_BACK_MS = 60_000
/** Beyond those that were on their way when the disk failed. */
const RECORDS_MORE = 15

interface Trouble {
  readonly name: string
  readonly begin: (disk: SimulatedDisk) => void
  readonly end: (disk: SimulatedDisk) => void
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'full',
    begin: (disk) => {
      disk.freeBytes = 0
    },
    end: (disk) => {
      disk.freeBytes = Number.POSITIVE_INFINITY
    },
  },
  {
    name: 'read-only',
    begin: (disk) => {
      disk.isReadOnly = true
    },
    end: (disk) => {
      disk.isReadOnly = false
    },
  },
  { name: 'hanging', begin: (disk) => disk.hang(), end: (disk) => disk.answerAgain() },
]

type Victims = (world: World, leader: SimulatedNode) => readonly SimulatedNode[]

const leads: Victims = (_, leader) => [leader]
const follows: Victims = ({ random, nodes }, leader) => [
  random.pick(nodes.filter((node) => node !== leader)),
]
const all: Victims = ({ nodes }) => nodes

function require(isSo: boolean, what: string): void {
  if (!isSo) throw new Violation('ingest goes on', what)
}

const isInSync = ({ etcd }: World, { member }: SimulatedNode): boolean =>
  isMember(member, etcd.state.inSync)

/** All nodes count, one of them leads, and records are committed. */
async function whole(world: World): Promise<SimulatedNode> {
  const { nodes, witness } = world
  const isWhole = (): boolean =>
    nodes.every((node) => isInSync(world, node)) &&
    world.leader?.driver?.node.leader?.mayLink === true
  require(await world.until(isWhole, BEGINS_MS), 'the cluster is not whole at first')
  const goal = witness.truth.length + 10
  require(await world.until(() => witness.truth.length >= goal && isWhole(), BEGINS_MS), 'at first')
  return world.leader ?? nodes[0] ?? expect.fail('no node')
}

async function goesOn(world: World, what: string, withinMs: number): Promise<void> {
  const goal = world.witness.truth.length + RECORDS_MORE
  require(await world.until(() => world.witness.truth.length >= goal, withinMs), what)
}

/** Others lead and commit while it lasts; nobody shows less than before. */
function befalls({ name, begin, end }: Trouble, victims: Victims) {
  return async (world: World): Promise<void> => {
    const leader = await whole(world)
    const sick = victims(world, leader)
    const shown = sick.map((node) => node.log?.visible.value)
    for (const { disk } of sick) begin(disk)
    if (sick.length < world.nodes.length) {
      const isLedByOther = (): boolean => world.leader !== undefined && !sick.includes(world.leader)
      require(await world.until(isLedByOther, OTHERS_GO_ON_MS), 'no other node leads')
      await goesOn(world, `with a disk that is ${name}`, OTHERS_GO_ON_MS)
      require(sick.every((node) => !isInSync(world, node)), 'who cannot write is counted')
    } else {
      await world.clock.sleep(ALL_MS)
    }
    for (const [index, { log }] of sick.entries()) {
      const now = log?.visible.value
      require((now?.sequence ?? 0) >= (shown[index]?.sequence ?? 0), 'what was shown is not shown')
    }
    for (const { disk } of sick) end(disk)
    const isBack = (): boolean => sick.every((node) => isInSync(world, node))
    require(await world.until(isBack, COMES_BACK_MS), 'it does not take part again')
    await goesOn(world, 'when the disk is well', OTHERS_GO_ON_MS)
    // By itself: nobody has started it again.
    require(!world.counts.has('stands still'), 'it stood still')
  }
}

describe.each(TROUBLES)('a disk that is $name', (trouble) => {
  it.each([
    ['of the node that leads', leads],
    ['of a node that follows', follows],
    ['of each node', all],
  ] as const)('%s', { timeout: 120_000 }, async (_, victims) => {
    const world = { befalls: befalls(trouble, victims) }
    const range = { from: 1, count: SEEDS }
    const { failed } = await runSeeds((seed) => runWorld({ seed, ...world }), range)
    expect(failed && `seed ${failed.seed}: ${failed.violation?.message}`).toBeUndefined()
  })
})
