import { isMajority, keyOf } from '../../src/cluster/index.ts'
import { Violation } from '../simulation/violation.ts'
import { type Action, actionsOf } from './actions.ts'
import type { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

/** Every living node has so many rounds to come to what the source has. */
const ROUNDS_MAX = 120

/** What only goes on, in the order in which it is done; and so much of it in one round. */
const GOES_ON = [
  'watch',
  'heal',
  'etcd applies',
  'etcd answers',
  'etcd reads',
  'etcd tells',
  'disk: truncate',
  'disk: start-over',
  'disk: remember',
  'disk: remove',
  'disk: read-digest',
  'down',
  'up',
  'sync',
  'send',
  'tell',
  'join',
  'connect',
  'ingest',
]
const ACTIONS_MAX = 1000

/**
 * The last faults are over, and a majority of the voters lives: ingest must go on within a bounded number of rounds,
 * and everybody must come to have everything.
 */
export function calm(world: World): void {
  const alive = survivors(world)
  if (alive === undefined) return
  for (const node of world.nodes) {
    node.isPaused = false
    if (!alive.has(node) && node.isUp) node.die(node.store.durable)
    if (alive.has(node) && node.core?.stopped !== undefined) node.die(node.store.durable)
    if (alive.has(node) && !node.isUp) node.start()
  }
  world.network.blocked.clear()
  world.budget.wishes = 0
  let isAsked = false
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    goOn(world)
    const leader = leaderOf(world, alive)
    if (
      leader !== undefined &&
      !world.source.startsWith(leader.store.content, leader.store.contentFrom)
    ) {
      // The source has lost what the cluster has, or half a transaction is still to be given up.
      if (leader.isWhole && leader.core?.leader?.isAllCommitted() === true) return
    } else if (leader?.link !== undefined && !isAsked) {
      isAsked = true
      world.source.write(2)
      world.source.sync()
    } else if (isAsked && isDone(world, alive)) {
      return
    }
    if (!hasMajority(world, alive)) return
    lookForLeader(world, alive, round)
    for (const node of alive) world.do(tick(node))
  }
  throw new Violation(
    'ingest goes on',
    `not within ${ROUNDS_MAX} rounds: ${describe(world, alive)}`,
  )
}

const tick = (node: SimulatedNode): Action => ({
  kind: 'tick',
  rate: 'common',
  text: `tick ${node.name}`,
  run: () => node.give({ kind: 'tick' }),
})

function describe(world: World, alive: ReadonlySet<SimulatedNode>): string {
  const { acknowledged, chunks } = world.source
  const nodes = [...alive].map((node) => `${node.name} shows ${node.visible} of ${node.store.end}`)
  return `acknowledged ${acknowledged} of ${chunks.length}; ${nodes.join(', ')}`
}

/** A majority of the voters, or more of them; nobody when that many stores do not exist any more. */
function survivors(world: World): Set<SimulatedNode> | undefined {
  const { voters } = world.etcd.state
  const left = voters.filter((member) => world.storeOf(member) !== undefined)
  if (!isMajority(left.length, voters)) return undefined
  const least = Math.floor(voters.length / 2) + 1
  const count = world.random.pick([least, left.length])
  const names = new Set<string>()
  while (names.size < count) names.add(world.random.pick(left).node)
  return new Set(world.nodes.filter(({ name }) => names.has(name)))
}

function hasMajority(world: World, alive: ReadonlySet<SimulatedNode>): boolean {
  const { voters } = world.etcd.state
  const members = new Set([...alive].map((node) => keyOf(node.member)))
  return isMajority(voters.filter((voter) => members.has(keyOf(voter))).length, voters)
}

/** The living leader of the newest epoch. */
function leaderOf(world: World, alive: ReadonlySet<SimulatedNode>): SimulatedNode | undefined {
  const { epoch } = world.etcd.state
  return [...alive].find(({ core }) => core?.leader?.epoch === epoch)
}

function lookForLeader(world: World, alive: ReadonlySet<SimulatedNode>, round: number): void {
  const isUnderWay = [...alive].some(({ core }) => core?.candidate.stage !== 'idle')
  if (isUnderWay || leaderOf(world, alive) !== undefined) return
  const nodes = [...alive]
  const node = nodes[round % nodes.length]
  world.note(`calm: ${node?.name} finds no leader`)
  node?.give({ kind: 'leader-lost', delayTicks: 0, gone: [] })
}

function goOn(world: World): void {
  settle(world, ({ kind }) => GOES_ON.includes(kind))
}

/** Does what only goes on, in its order, until nothing is left to do. */
export function settle(world: World, isWanted: (action: Action) => boolean): void {
  for (let count = 0; count < ACTIONS_MAX; count += 1) {
    const order = ({ kind, text }: Action): number =>
      kind === 'join' && !isTrueJoin(world, text) ? -1 : GOES_ON.indexOf(kind)
    const possible = actionsOf(world).filter((action) => order(action) >= 0 && isWanted(action))
    const [first, ...others] = possible
    if (first === undefined) return
    world.do(others.reduce((best, one) => (order(one) < order(best) ? one : best), first))
  }
}

/** `join FOLLOWER LEADER`: to the node that the register names, as far as the follower knows. */
function isTrueJoin(world: World, text: string): boolean {
  const [, follower = '', leader] = text.split(' ')
  return world.node(follower).core?.leaderToFollow?.node === leader
}

function isDone({ source, witness, etcd }: World, alive: ReadonlySet<SimulatedNode>): boolean {
  if (source.acknowledged !== source.chunks.length) return false
  const members = new Set(etcd.state.voters.map(keyOf))
  return [...alive].every(
    (node) => !members.has(keyOf(node.member)) || node.visible === witness.truth.length,
  )
}
