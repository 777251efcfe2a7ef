import { beforeEach, describe, expect, it } from 'vitest'
import { FakeCluster, fileName } from './testing/fake-nodes.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001'
const B = 'bbbbbbbb-0000-4000-8000-000000000002'

let cluster: FakeCluster

beforeEach(async () => {
  cluster = new FakeCluster(['one', 'two', 'three'])
  await cluster.pass(1000)
})

/** Whichever node is asked. */
function purge(to: number, more: { force?: boolean; dryRun?: boolean; partial?: boolean } = {}) {
  const wish = { to: fileName(to), force: false, dryRun: false, partial: false, ...more }
  return cluster.node('two').desk.purge(wish)
}

const filesOf = (name: string): number => cluster.node(name).files.length

describe('a purge', () => {
  it('is done by the node that leads, whichever is asked, and no dump begins meanwhile', async () => {
    const { journalled } = watchHolds()
    expect(await purge(4)).toMatchObject({ upTo: fileName(4), bytes: 300 * 2 ** 20, asked: 3 })
    expect(cluster.nodes.map(({ name }) => filesOf(name))).toEqual([6, 6, 6])
    expect(journalled()).toEqual([[true, true, true]])
    await new Promise(setImmediate)
    expect(cluster.nodes.map(({ isHeld }) => isHeld)).toEqual([false, false, false])
  })

  it('of a node that is alone asks nobody', async () => {
    const alone = new FakeCluster(['one'])
    await alone.pass(1000)
    const wish = { beforeMs: 4_000_000, force: false, dryRun: false, partial: false }
    expect(await alone.node('one').desk.purge(wish)).toMatchObject({ upTo: fileName(4) })
    expect(alone.node('one').files[0]?.name).toBe(fileName(4))
  })

  it('is refused where a file is read at any node, and says by whom', async () => {
    cluster.node('three').read(3, undefined)
    await expect(purge(5)).rejects.toMatchObject({
      code: 'E_FILE_IN_USE',
      message: expect.stringContaining(
        'binlog.000003 is being read by server_id 1 (repl@db:1) at three',
      ),
    })
    expect(filesOf('one')).toBe(9)
    expect(await purge(5, { partial: true })).toMatchObject({ upTo: fileName(3), asked: 4 })
    await expect(purge(5, { force: true })).rejects.toMatchObject({ code: 'E_FILE_IN_USE' })
    expect(filesOf('two')).toBe(7)
  })

  it('is refused where a replica needs a file that is away from any node, unless it is forced', async () => {
    const three = cluster.node('three')
    three.leave(three.read(3, A))
    await expect(purge(5)).rejects.toMatchObject({
      code: 'E_FILE_NEEDED',
      message: expect.stringMatching(/binlog.000003 is kept for the replica aaaa.*--force/),
    })
    const dry = await purge(5, { dryRun: true, force: true })
    expect(dry).toMatchObject({ upTo: fileName(5), loses: [{ uuid: A, needs: fileName(3) }] })
    expect(filesOf('one')).toBe(9)
    expect(await purge(5, { force: true })).toMatchObject({ upTo: fileName(5), obstacles: [] })
    expect((await cluster.node('two').replicaDesk.absent())[0]).toMatchObject({
      uuid: A,
      givenUp: true,
      keptUntil: null,
    })
  })

  it('waits for a node that lives and says nothing, and not for one that is gone', async () => {
    const three = cluster.node('three')
    three.isAnswering = false
    await expect(purge(5, { force: true })).rejects.toMatchObject({ code: 'E_PEER_UNREACHABLE' })
    expect(filesOf('one')).toBe(9)
    three.isAlive = false
    expect(await purge(5)).toMatchObject({ upTo: fileName(5) })
  })

  it('keeps what a replica needs whose node is gone', async () => {
    const three = cluster.node('three')
    three.read(3, A)
    await cluster.pass(3000)
    three.isAnswering = false
    three.isAlive = false
    await expect(purge(5)).rejects.toMatchObject({ code: 'E_FILE_NEEDED' })
  })

  it('of a file that is not there says so', async () => {
    await expect(purge(77)).rejects.toMatchObject({ code: 'E_FILE_UNKNOWN' })
  })

  it('up to a file that does not say yet what came before it is refused, or goes less far', async () => {
    const one = cluster.node('one')
    one.isNewestUntold = true
    await expect(purge(9, { partial: true })).rejects.toMatchObject({
      code: 'E_FILE_IN_USE',
      message: expect.stringContaining('binlog.000009 has just begun'),
    })
    const wish = { beforeMs: 2 ** 42, force: false, dryRun: false, partial: false }
    expect(await one.desk.purge(wish)).toMatchObject({ upTo: fileName(8) })
    one.isNewestUntold = false
    expect(await purge(9)).toMatchObject({ upTo: fileName(9) })
  })

  it('is done where the disk does not say what is free', async () => {
    const three = cluster.node('three')
    three.roomBytes = undefined
    three.leave(three.read(3, A))
    await cluster.pass(3000)
    expect(await purge(3)).toMatchObject({ upTo: fileName(3) })
    await expect(purge(4)).rejects.toMatchObject({ code: 'E_FILE_NEEDED' })
  })

  it('in other words than this version knows is refused', async () => {
    const answer = cluster.node('one').answers.get('purge-files')
    await expect(answer?.('binlog.000003')).rejects.toMatchObject({ code: 'E_PEER_VERSION' })
  })
})

describe('replicas that are away', () => {
  it('are known to the next leader, and kept for as long as before', async () => {
    const three = cluster.node('three')
    three.leave(three.read(3, A))
    await cluster.pass(120_000)
    const { kept } = cluster.node('one')
    expect(kept).toMatchObject([{ uuid: A, isConnected: false }])
    expect(kept[0]?.awayMs).toBeGreaterThan(60_000)
    const two = cluster.node('two')
    two.kept = kept
    cluster.leader = 'two'
    cluster.node('one').leads.set(false)
    two.leads.set(true)
    await cluster.pass(1000)
    await expect(purge(5)).rejects.toMatchObject({ code: 'E_FILE_NEEDED' })
    expect((await three.replicaDesk.absent())[0]?.awaySeconds).toBeGreaterThan(60)
  })

  it('are forgotten after keep-for-absent-replicas, and not while nothing runs', async () => {
    const one = cluster.node('one')
    one.leave(one.read(3, A))
    await cluster.pass(3000)
    // The process stands still for a day.
    cluster.clock.pass(86_400_000)
    await cluster.pass(3000)
    await expect(purge(5)).rejects.toMatchObject({ code: 'E_FILE_NEEDED' })
    one.keepMs = 10_000
    await cluster.pass(20_000)
    expect(await purge(5)).toMatchObject({ upTo: fileName(5) })
  })

  it('are forgotten by uuid, or by host where that is one only', async () => {
    const two = cluster.node('two')
    two.leave(two.read(3, A))
    two.leave(two.read(4, B))
    await cluster.pass(3000)
    const { replicaDesk } = cluster.node('three')
    await expect(replicaDesk.forget('db')).rejects.toMatchObject({ code: 'E_REPLICA_UNKNOWN' })
    await expect(replicaDesk.forget('nobody')).rejects.toMatchObject({ code: 'E_REPLICA_UNKNOWN' })
    await replicaDesk.forget(A.toUpperCase())
    expect((await replicaDesk.absent()).map(({ uuid }) => uuid)).toEqual([B])
    await replicaDesk.forget('db')
    expect(await replicaDesk.absent()).toEqual([])
    await cluster.pass(3000)
    expect(cluster.node('one').kept).toEqual([])
    expect(await purge(9)).toMatchObject({ upTo: fileName(9) })
  })

  it('are written down at once when they come and go, and else rarely', async () => {
    const one = cluster.node('one')
    const connection = one.read(3, A)
    await cluster.pass(2000)
    expect(one.writes).toBe(1)
    await cluster.pass(20_000)
    expect(one.writes).toBe(1)
    one.leave(connection)
    await cluster.pass(2000)
    expect(one.writes).toBe(2)
    await cluster.pass(130_000)
    expect(one.writes).toBeGreaterThanOrEqual(4)
    expect(one.writes).toBeLessThanOrEqual(6)
  })
})

/** Whether dumps could begin on each node, each time that files went. */
function watchHolds(): { journalled: () => boolean[][] } {
  const seen: boolean[][] = []
  const [first] = cluster.nodes
  let files = first?.files ?? []
  if (first !== undefined) {
    Object.defineProperty(first, 'files', {
      get: () => files,
      set: (value: typeof files) => {
        seen.push(cluster.nodes.map(({ isHeld }) => isHeld))
        files = value
      },
    })
  }
  return { journalled: () => seen }
}
