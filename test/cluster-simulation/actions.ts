import { keyOf, type Member } from '../../src/cluster/index.ts'
import type { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

/** Something that may happen now. */
export interface Action {
  readonly kind: string
  readonly text: string
  readonly rate: 'common' | 'usual' | 'rare' | 'faint' | 'slow'
  readonly run: () => void
}

type Add = (kind: string, rate: Action['rate'], text: string, run: () => void) => void

export function actionsOf(world: World): Action[] {
  const actions: Action[] = []
  const add: Add = (kind, rate, text, run) => {
    actions.push({ kind, rate, text: `${kind} ${text}`, run })
  }
  for (const node of world.nodes) {
    if (!node.isUp) {
      add('start', 'usual', node.name, () => node.start())
    } else if (node.isPaused) {
      add('resume', 'usual', node.name, () => void (node.isPaused = false))
    } else {
      processActions(world, node, add)
      diskActions(node, add)
      sourceActions(world, node, add)
    }
  }
  streamActions(world, add)
  etcdActions(world, add)
  faultActions(world, add)
  return actions
}

function processActions(world: World, node: SimulatedNode, add: Add): void {
  const { core, name } = node
  if (core === undefined) return
  add('tick', 'slow', name, () => node.give({ kind: 'tick' }))
  if (core.leader === undefined && core.candidate.stage === 'idle' && world.budget.takeOvers > 0) {
    const { leader, inSync } = world.etcd.at(Math.max(node.watched, 1))
    add('leader-lost', leader === undefined ? 'usual' : 'rare', name, () => {
      world.budget.takeOvers -= 1
      const gone = world.random.pick([[], leader === undefined ? [] : [leader], inSync.slice(0, 1)])
      node.give({ kind: 'leader-lost', delayTicks: world.random.between(0, 1), gone })
    })
  }
  if (node.watched < world.etcd.revision) {
    add('watch', 'common', name, () => watch(world, node))
  }
  if (core.maySearch && core.follower.stream === undefined) {
    for (const leader of world.nodes) {
      if (leader.core?.leader === undefined || !reach(world, name, leader.name)) continue
      add('join', 'common', `${name} ${leader.name}`, () => node.join(leader))
    }
  }
  if (core.leader !== undefined) leaderActions(world, node, add)
}

const reach = (world: World, one: string, other: string): boolean =>
  world.network.passes(one, other) && world.network.passes(other, one)

/** A watch tells states in their order, late, and leaves some out. */
function watch(world: World, node: SimulatedNode): void {
  node.watched = world.random.between(node.watched + 1, world.etcd.revision)
  const state = world.etcd.at(node.watched)
  node.give({ kind: 'state-seen', revision: node.watched, state })
}

function leaderActions(world: World, node: SimulatedNode, add: Add): void {
  const leader = node.core?.leader
  if (leader === undefined) return
  const { voters, inSync } = leader.base
  if (world.budget.wishes > 0) {
    const wish = (kind: 'add' | 'remove', member: Member): void => {
      add(kind, 'faint', `${node.name} ${keyOf(member)}`, () => {
        world.budget.wishes -= 1
        node.give({ kind: 'wish', wish: { kind, member } })
      })
    }
    const listed = new Set(voters.map(keyOf))
    for (const { member, end } of leader.peers.values()) {
      if (!listed.has(keyOf(member)) && end !== undefined) wish('add', member)
    }
    for (const member of voters) if (voters.length > 2) wish('remove', member)
  }
  for (const to of inSync) {
    if (keyOf(to) === keyOf(node.member) || leader.heir !== undefined) continue
    add('hand-over', 'faint', `${node.name} ${keyOf(to)}`, () =>
      node.give({ kind: 'hand-over', to }),
    )
  }
}

function diskActions(node: SimulatedNode, add: Add): void {
  const { store, name, disk } = node
  const [next] = disk
  if (next !== undefined) add(`disk: ${next.kind}`, 'common', name, () => node.work())
  if (store.durable < store.end && next?.kind !== 'truncate') {
    add('sync', 'common', name, () => node.sync(store.end))
    if (store.durable + 1 < store.end) {
      add('sync of a part', 'rare', name, () => node.sync(store.durable + 1))
    }
    add('sync fails', 'rare', name, () => node.give({ kind: 'disk-failed' }))
  }
}

function sourceActions(world: World, node: SimulatedNode, add: Add): void {
  const { core, store, link, name } = node
  const { source } = world
  if (core?.leader === undefined) return
  if (link === undefined) {
    if (node.isLinkAllowed && source.startsWith(store.content, store.contentFrom)) {
      add('connect', 'usual', name, () => node.connect())
    }
    return
  }
  add('link breaks', 'rare', name, () => node.breakLink())
  if (!core.leader.takesBytes) return
  if (store.tail.end < source.chunks.length) {
    add('ingest', 'common', name, () => node.ingest(world.random.between(1, 3)))
  }
  const { tail } = store
  if (tail.end === tail.boundary && store.headers.at(-1)?.kind !== 'file-begin') {
    add('file begins', 'rare', name, () => node.beginFile())
  }
  const newest = store.headers.findLast(({ kind }) => kind === 'file-begin')
  if (newest !== undefined && newest.sequence <= core.leader.committed) {
    const floor = newest.sequence - 1
    if (floor > store.base.sequence) {
      add('purge', 'rare', name, () => node.give({ kind: 'purge', floor }))
    }
  }
}

function streamActions(world: World, add: Add): void {
  for (const stream of world.network.streams.values()) {
    const leader = world.node(stream.leader.node)
    const follower = world.node(stream.follower.node)
    const text = `${leader.name}-${follower.name} ${stream.id}`
    const takes = follower.core?.follower.takesMessages !== false || !stream.follower.isOpen
    if (stream.down.length > 0 && !follower.isPaused && takes) {
      if (world.network.passes(leader.name, follower.name)) {
        const what = stream.down[0]?.message.kind ?? 'end'
        add('down', 'common', `${text} ${what}`, () => follower.receive(stream, 'follower'))
      }
    }
    if (stream.up.length > 0 && !leader.isPaused) {
      if (world.network.passes(follower.name, leader.name)) {
        const what = stream.up[0]?.message.kind ?? 'end'
        add('up', 'common', `${text} ${what}`, () => leader.receive(stream, 'leader'))
      }
    }
    if (stream.leader.isOpen && !leader.isPaused) {
      const end = leader.store.end
      if (stream.next !== undefined && stream.next <= end) {
        add('send', 'common', text, () => leader.feed(stream, world.random.between(1, 3)))
      } else if (leader.isUntold(stream)) {
        add('tell', 'common', text, () => leader.tell(stream))
      }
      add('leader breaks', 'faint', text, () => leader.breakStream(stream, 'leader'))
    }
    if (stream.follower.isOpen && !follower.isPaused) {
      add('follower breaks', 'faint', text, () => follower.breakStream(stream, 'follower'))
    }
  }
}

function etcdActions(world: World, add: Add): void {
  const { etcd } = world
  for (const write of etcd.writes) {
    const text = `${write.node} ${write.id}`
    add('etcd applies', 'common', text, () => void etcd.apply(write))
    add('etcd never gets', 'rare', text, () => etcd.dropWrite(write))
    const node = world.node(write.node)
    if (node.isPaused || node.incarnation !== write.incarnation) continue
    add('write times out', 'rare', text, () =>
      node.give({ kind: 'state-written', id: write.id, outcome: { kind: 'unknown' } }),
    )
  }
  for (const answer of etcd.answers) {
    const node = world.node(answer.node)
    if (node.isPaused || node.incarnation !== answer.incarnation) continue
    const { id, outcome } = answer
    add('etcd answers', 'common', `${node.name} ${id} ${outcome.kind}`, () => {
      etcd.takeAnswer(answer)
      node.give({ kind: 'state-written', id, outcome })
    })
    add('answer is lost', 'rare', `${node.name} ${id}`, () => {
      etcd.takeAnswer(answer)
      node.give({ kind: 'state-written', id, outcome: { kind: 'unknown' } })
    })
  }
  for (const read of etcd.reads) {
    const node = world.node(read.node)
    const text = `${read.node} ${read.id}`
    if (read.revision === undefined) {
      add('etcd reads', 'common', text, () => void (read.revision = etcd.revision))
      add('read is lost', 'rare', text, () => etcd.takeRead(read))
    } else if (!node.isPaused) {
      add('etcd tells', 'common', text, () => {
        etcd.takeRead(read)
        const { id, revision = 1 } = read
        node.give({ kind: 'state-read', id, revision, state: etcd.at(revision) })
      })
    }
  }
}

function faultActions(world: World, add: Add): void {
  const { source, budget, network, nodes } = world
  for (const node of nodes) {
    const { name, store } = node
    if (node.isUp) {
      add('crash', 'faint', `${name} ${store.durable}`, () => node.die(store.durable))
      if (store.durable < store.end) {
        add('kill', 'rare', name, () =>
          node.die(world.random.between(store.durable + 1, store.end)),
        )
      }
      if (!node.isPaused) add('pause', 'faint', name, () => void (node.isPaused = true))
    }
    if (budget.wipes > 0 && mayLose(world, node)) add('wipe', 'rare', name, () => wipe(world, node))
  }
  add('cut off', 'rare', '', () => {
    const [from, to] = [world.random.pick(nodes), world.random.pick(nodes)]
    network.blocked.add(`${from.name}>${to.name}`)
  })
  if (network.blocked.size > 0) add('heal', 'usual', '', () => network.blocked.clear())
  if (budget.sourceWrites > 0) {
    add('source writes', 'usual', '', () => {
      budget.sourceWrites -= 1
      source.write(world.random.between(1, 4))
    })
    if (source.synced < source.chunks.length) {
      add('source syncs', 'usual', '', () => source.sync())
      if (budget.sourceRestarts > 0) add('source restarts', 'rare', '', () => restart(world))
    }
  }
}

function restart(world: World): void {
  world.budget.sourceRestarts -= 1
  world.source.restart()
  for (const node of world.nodes) node.breakLink()
}

/** A lost disk must not be the last copy of what is committed: that no protocol survives. */
function mayLose({ etcd, lost }: World, node: SimulatedNode): boolean {
  const { inSync } = etcd.state
  return inSync.some((one) => keyOf(one) !== keyOf(node.member) && !lost.has(keyOf(one)))
}

function wipe(world: World, node: SimulatedNode): void {
  world.budget.wipes -= 1
  if (node.isUp) node.die(node.store.end)
  world.lost.add(keyOf(node.member))
  node.wipe()
}
