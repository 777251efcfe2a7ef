import { BINLOGS } from './node.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

type Action = readonly [name: string, act: () => Promise<void>]

/** What a dump has sent is with its client by then, in simulated time. */
const LAST_BYTES_MS = 1_000

const isDataFile = (path: string): boolean => /\/binlog\.\d+$/.test(path)
const isIndex = (path: string): boolean => path.endsWith('.idx')

/** What befalls the world, without end: each kind once in a random order, and again. */
export function* chaosActions(world: World): Generator<Action, never> {
  for (;;) {
    const left = [...processActions(world), ...diskActions(world), ...sourceActions(world)]
    while (left.length > 0) {
      const [next] = left.splice(world.random.between(0, left.length - 1), 1)
      if (next !== undefined) yield next
    }
  }
}

/** Nothing bad happens any more. */
export function heal({ disk, server }: World): void {
  disk.comeBack()
  disk.disarm()
  disk.freeBytes = Number.POSITIVE_INFINITY
  server.isUp = true
  server.cuts = false
  server.damage = 0
  server.silentUntilMs = 0
}

function processActions(world: World): Action[] {
  const { disk, random, supervisor, fleet } = world
  const armed = (): number => random.between(0, 400)
  return [
    ['process killed', async () => supervisor.die('kill')],
    ['power cut', async () => supervisor.die('power cut')],
    ['process killed at an operation', async () => disk.armDeath('kill', armed())],
    ['power cut at an operation', async () => disk.armDeath('power cut', armed())],
    ['power cut at an operation soon', async () => disk.armDeath('power cut', armed() % 20)],
    ['stopped in order', () => supervisor.stop()],
    ['client cut off', async () => fleet.cutOne()],
    ['index damaged while down', async () => damageIndex(world)],
    ['index lost while down', async () => loseIndex(world)],
  ]
}

function diskActions(world: World): Action[] {
  const { disk, random } = world
  const soon = (): number => random.between(0, 10)
  return [
    ['a sync will fail', async () => disk.arm('sync fails', soon(), isDataFile)],
    ['an index sync will fail', async () => disk.arm('sync fails', 0, isIndex)],
    ['a write will fail', async () => disk.arm('write fails', soon(), isDataFile)],
    ['an index write will fail', async () => disk.arm('write fails', soon(), isIndex)],
    ['a read will fail', async () => disk.arm('read fails', soon(), () => true)],
    ['a read will be damaged', async () => damageRead(world)],
    ['disk full', () => fillDisk(world)],
    ['disk gone for a while', () => loseDisk(world)],
    ['a stored byte is damaged', () => damageByte(world)],
  ]
}

function sourceActions(world: World): Action[] {
  const { server, history, random, node, clock } = world
  const restart = async (how: 'stop' | 'crash', change: () => void): Promise<void> => {
    server.shutDown(how)
    await clock.sleep(random.between(1, 30))
    change()
    await clock.sleep(random.between(0, 300))
    server.isUp = true
  }
  return [
    ['source connections cut', async () => server.cut()],
    ['source stopped', () => restart('stop', () => history.restart('stop'))],
    ['source crashed', () => restart('crash', () => history.restart('crash'))],
    [
      'source silent',
      async () => {
        server.silentUntilMs = clock.monotonicMs() + random.between(100, 20_000)
        server.count('silence')
      },
    ],
    [
      'source damages what it sends',
      async () => {
        server.damage = 0.05
        await clock.sleep(random.between(50, 300))
        server.damage = 0
      },
    ],
    [
      'source purges what is safe',
      async () => {
        const name = node.safeToPurgeTo
        if (name !== undefined) history.purgeTo(name)
      },
    ],
    [
      'source loses its end',
      async () => {
        if (world.lost !== undefined || random.chance(0.6)) return
        await restart('crash', () => {
          const lost = history.loseTail()
          world.lost = lost
          world.note(`lost ${lost?.name} behind ${lost?.keptEnd}`)
        })
      },
    ],
  ]
}

/** The bits are right on the disk, and wrong in what one read gives. */
function damageRead({ node, disk, random }: World): void {
  if (node.running === undefined) return
  disk.disarm()
  disk.arm('bit flips on read', random.between(0, 5), isDataFile)
}

async function fillDisk({ disk, random, clock }: World): Promise<void> {
  disk.freeBytes = random.between(0, 12_000)
  await clock.sleep(random.between(50, 3_000))
  disk.freeBytes = Number.POSITIVE_INFINITY
}

/** Everything fails while the process lives on, or is started again and again. */
async function loseDisk({ disk, random, clock, supervisor }: World): Promise<void> {
  disk.leave()
  await clock.sleep(random.between(1, 100))
  if (random.chance(0.3)) supervisor.die(random.pick(['kill', 'power cut']))
  await clock.sleep(random.pick([300, 3_000, 20_000, 60_000]) * random.fraction())
  disk.comeBack()
}

/** A bit turns over where it is stored: whoever reads there is told, and nobody gets it. */
async function damageByte(world: World): Promise<void> {
  const { node, disk, random, supervisor, fleet } = world
  const running = node.running
  if (running === undefined || running.journal.failed.value !== undefined) return
  disk.disarm()
  const files = running.store.files()
  if (files.length === 0) return
  const { name, size } = random.pick(files)
  if (size <= 4) return
  const path = `${BINLOGS}/${name}`
  const position = random.between(4, size - 1)
  const mask = 1 << random.between(0, 7)
  world.note(`${name} is damaged at ${position}`)
  supervisor.isPaused = true
  world.damage = { path, position, mask }
  disk.flip(path, position, mask)
  const { end, replica } = await fleet.probe()
  const isThere = running.store.files().some((file) => file.name === name)
  world.note(`the probe ends: ${end?.kind} ${end?.error?.message}`)
  if (replica.violation !== undefined) {
    throw new Violation('damage is never sent', replica.violation.message)
  }
  // Inside an event there is no place for an error: the connection is closed.
  const isCutOff =
    end?.kind === 'closed' && (await world.until(() => replica.isInsideEvent, LAST_BYTES_MS))
  // What another client was sent is kept for a moment, and may still be given to this one.
  const isTrue =
    end?.kind === 'eof' &&
    (await world.until(() => replica.hasPassed(name, position), LAST_BYTES_MS))
  const isTold = isCutOff || isTrue || end?.error?.message.includes(name) === true
  if (isThere && end !== undefined && !isTold) {
    throw new Violation(
      'damage is never sent',
      `a dump over ${name}:${position} ends as ${end.kind}`,
    )
  }
  await world.clock.sleep(random.between(0, 50))
  disk.flip(path, position, mask)
  world.damage = undefined
  world.mendedAtMs = world.time.nowMs
  // Ingest may have come upon it too; the operator has mended the file and starts again.
  if (running.link.state.value.code === 'E_STORE_DAMAGED') supervisor.die('kill')
  supervisor.isPaused = false
}

/** The newest index is not what was written, from a random place on. */
function damageIndex(world: World): void {
  const { supervisor, disk, random } = world
  supervisor.die('kill')
  const files = disk.folders.entries().map(([path]) => path)
  const newest = `${files.filter(isDataFile).sort().at(-1)}.idx`
  if (!indexes(world).includes(newest)) return
  const inode = disk.folders.get(newest)
  if (inode === undefined || inode.size === 0) return
  disk.flip(newest, random.between(0, inode.size - 1), 1 << random.between(0, 7))
  world.damagedIndex = newest
}

function loseIndex(world: World): void {
  const { supervisor, disk, random } = world
  supervisor.die('kill')
  const paths = indexes(world)
  if (paths.length > 0) disk.folders.change([[random.pick(paths), undefined]])
}

/** Those of files that hold something: a file of four bytes without its index was never begun. */
function indexes({ disk, expected }: World): string[] {
  // Only its index, or a copy that a failed beginning overwrites, tells how such a file began.
  if (expected.first !== undefined && expected.first.sourcePosition !== 4) return []
  const files = disk.folders.entries().filter(([path, inode]) => isDataFile(path) && inode.size > 4)
  return files.map(([path]) => `${path}.idx`).sort()
}
