import { isMajority, keyOf } from '../../src/cluster/index.ts'
import { OperationalError } from '../../src/lib/index.ts'
import type { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

type Action = readonly [name: string, act: () => void | Promise<void>]

const isDataFile = (path: string): boolean => /\/binlog\.\d+$/.test(path)
const isFacts = (path: string): boolean => path.endsWith('.json')
const isIndex = (path: string): boolean => path.endsWith('.idx')

/** Some of what may befall the world, several at a time. */
export async function chaos(world: World): Promise<void> {
  const { random, clock } = world
  const actions = chaosActions(world)
  for (let left = random.between(6, 16); left > 0; left -= 1) {
    await clock.sleep(random.between(20, 1500))
    const [name, act] = actions.next().value
    world.note(`-- ${name}`)
    world.count(name)
    await act()
  }
}

/** Without end: each kind once in a random order, and again. */
function* chaosActions(world: World): Generator<Action, never> {
  for (;;) {
    const left = [
      ...processActions(world),
      ...diskActions(world),
      ...networkActions(world),
      ...sourceActions(world),
      ...clusterActions(world),
    ]
    while (left.length > 0) {
      const [next] = left.splice(world.random.between(0, left.length - 1), 1)
      if (next !== undefined) yield next
    }
  }
}

/** More often the one that leads. */
function someNode(world: World): SimulatedNode {
  const { leader, random } = world
  return leader !== undefined && random.chance(0.5) ? leader : random.pick(world.nodes)
}

function someNodes(world: World): SimulatedNode[] {
  const { random, nodes } = world
  return random.chance(0.5) ? [...nodes] : nodes.filter(() => random.chance(0.5))
}

/** For a while, in simulated time; the world goes on meanwhile. */
function forAWhile({ clock, random }: World, most: number, end: () => void): void {
  clock.after(random.between(50, most), end)
}

function processActions(world: World): Action[] {
  const { random } = world
  const operations = (): number => random.pick([random.between(0, 20), random.between(0, 400)])
  return [
    ['process killed', () => someNode(world).die('kill')],
    ['power cut', () => someNode(world).die('power cut')],
    [
      'power cut everywhere',
      () => {
        for (const node of someNodes(world)) node.die('power cut')
      },
    ],
    ['killed at an operation', () => someNode(world).disk.armDeath('kill', operations())],
    ['power cut at an operation', () => someNode(world).disk.armDeath('power cut', operations())],
    [
      'power cut at an operation everywhere',
      () => {
        for (const { disk } of someNodes(world)) disk.armDeath('power cut', operations())
      },
    ],
    ['stopped in order', () => stop(world, someNode(world))],
    ['down for long', () => holdDown(world, someNode(world))],
    ['paused', () => pause(world, someNode(world))],
    ['wiped', () => wipe(world, random.pick(world.nodes))],
  ]
}

async function stop(world: World, node: SimulatedNode): Promise<void> {
  if (node.process?.clock.isPaused !== false) return
  const { process } = node
  node.isHeldDown = true
  // A disk that fails meanwhile, or a crash: then nobody waits any more.
  void node.stop().catch((thrown: unknown) => {
    if (!(thrown instanceof OperationalError)) world.bug(thrown)
  })
  await world.until(() => node.process !== process, 3000)
  if (node.process === process) node.die('kill')
  node.isHeldDown = false
}

function holdDown(world: World, node: SimulatedNode): void {
  node.isHeldDown = true
  node.die(world.random.pick(['kill', 'power cut']))
  forAWhile(world, 15_000, () => {
    node.isHeldDown = false
  })
}

function pause(world: World, { process }: SimulatedNode): void {
  if (process === undefined) return
  process.clock.pause()
  forAWhile(world, 8000, () => process.clock.resume())
}

/** A lost disk must be neither the last copy of what is committed nor one of a majority: no protocol survives that. */
function wipe(world: World, node: SimulatedNode): void {
  const { inSync, voters } = world.etcd.state
  const key = keyOf(node.member)
  const isThere = (member: (typeof voters)[number]): boolean =>
    keyOf(member) !== key && !world.lost.has(keyOf(member))
  const isSafe = inSync.some(isThere) && isMajority(voters.filter(isThere).length, voters)
  if (!isSafe || world.wipes === 0) return
  world.wipes -= 1
  world.lost.add(key)
  world.count('a disk is lost')
  node.wipe()
}

function diskActions(world: World): Action[] {
  const { random } = world
  const soon = (): number => random.between(0, 10)
  return [
    ['a sync will fail', () => someNode(world).disk.arm('sync fails', soon(), isDataFile)],
    ['an index sync will fail', () => someNode(world).disk.arm('sync fails', soon(), isIndex)],
    ['a write will fail', () => someNode(world).disk.arm('write fails', soon(), isDataFile)],
    ['an index write will fail', () => someNode(world).disk.arm('write fails', soon(), isIndex)],
    ['facts will not be written', () => someNode(world).disk.arm('write fails', soon(), isFacts)],
    ['a read will fail', () => someNode(world).disk.arm('read fails', soon(), () => true)],
    [
      'disk gone for a while',
      () => {
        const { disk } = someNode(world)
        disk.leave()
        forAWhile(world, 12_000, () => disk.comeBack())
      },
    ],
    [
      'disk full',
      () => {
        const { disk } = someNode(world)
        disk.freeBytes = random.between(0, 12_000)
        forAWhile(world, 6000, () => {
          disk.freeBytes = Number.POSITIVE_INFINITY
        })
      },
    ],
  ]
}

function networkActions(world: World): Action[] {
  const { network, register, random, nodes } = world
  const block = (from: SimulatedNode, to: SimulatedNode): void => {
    network.block(from.name, to.name)
    forAWhile(world, 10_000, () => network.unblock(from.name, to.name))
  }
  return [
    ['cut off in one direction', () => block(someNode(world), random.pick(nodes))],
    [
      'isolated',
      () => {
        const node = someNode(world)
        for (const other of nodes) {
          block(node, other)
          block(other, node)
        }
      },
    ],
    ['a connection breaks', () => network.breakOne()],
    [
      'etcd out of reach',
      () => {
        const { name } = someNode(world)
        register.cutOff.add(name)
        forAWhile(world, 6000, () => register.cutOff.delete(name))
      },
    ],
    [
      'etcd down',
      () => {
        for (const { name } of nodes) register.cutOff.add(name)
        forAWhile(world, 5000, () => register.cutOff.clear())
      },
    ],
  ]
}

function sourceActions(world: World): Action[] {
  const { source, random } = world
  const restart = (change: () => void): void => {
    source.shutDown()
    change()
    forAWhile(world, 2000, () => {
      source.isUp = true
    })
  }
  return [
    ['source link breaks', () => source.breakDump()],
    ['source link breaks again', () => source.breakDump()],
    ['source stopped', () => restart(() => source.history.restart('stop'))],
    ['source crashed', () => restart(() => source.history.restart('crash'))],
    [
      'source loses its end',
      () => {
        if (random.chance(0.7)) return
        restart(() => {
          world.count('lost transactions')
          source.history.loseTail()
        })
      },
    ],
  ]
}

function clusterActions(world: World): Action[] {
  return [
    ['hand-over', () => handOver(world)],
    ['hand-over again', () => handOver(world)],
    ['purge', () => purge(world)],
    ['purge again', () => purge(world)],
  ]
}

function handOver({ leader, random }: World): void {
  const { driver } = leader ?? {}
  const others = driver?.node.leader?.base.inSync.filter(({ node }) => node !== leader?.name) ?? []
  if (others.length > 0) driver?.give({ kind: 'hand-over', to: random.pick(others) })
}

function purge(world: World): void {
  const { leader, random } = world
  const journal = leader?.process?.journal
  const names = leader?.log?.files().map(({ name }) => name) ?? []
  if (journal === undefined || names.length < 2) return
  world.count('purge asked for')
  void journal.purge(random.pick(names.slice(1))).catch((thrown: unknown) => {
    if (!(thrown instanceof OperationalError)) world.bug(thrown)
  })
}
