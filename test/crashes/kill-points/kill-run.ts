import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Connection, createConnection } from 'mysql2/promise'
import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { Kingbus, Program } from '../../e2e/harness/kingbus.ts'
import { makeRunFolder, projectFolder } from '../../e2e/harness/project.ts'
import { pause } from '../../e2e/harness/wait.ts'
import { damagesOf } from '../world/losses.ts'
import { OneNode } from '../world/one-node.ts'
import { KILLED, type KillOrder } from './killing-disk.ts'
import { describePoint, KILL_POINTS, type KillPoint } from './points.ts'

const REACHED_MS = 30_000
const STEP_MS = 120
const DBA = { user: 'dba', password: 'dba-local' } as const

export interface KillPlan {
  readonly seed: number
  readonly points: readonly KillPoint[]
  readonly say: (line: string) => void
}

export interface KillResult {
  readonly kills: number
  readonly committed: number
  readonly losses: readonly string[]
  /** points that no process came to */
  readonly unreached: readonly KillPoint[]
  /** changes of the disk that a process made, and that no point of the table is about */
  readonly unlisted: readonly string[]
}

/** Lets a node die at each point under load, and looks each time for what is lost. */
export async function runKills({ seed, points, say }: KillPlan): Promise<KillResult> {
  const random = new SeededRandom(seed)
  const world = await OneNode.start({ seed })
  await addAdministrator(world.kingbus)
  await world.kingbus.kill9()
  const notes = new Notes()
  const unreached: KillPoint[] = []
  let kills = 0
  const result = (losses: readonly string[]): KillResult => {
    return { kills, committed: world.committed, losses, unreached, unlisted: notes.unlisted() }
  }
  for (const point of points) {
    const deaths = point.behind === undefined ? [point] : [point.behind, point]
    let isReached = true
    for (const death of deaths) {
      isReached &&= await die(world, notes.order(death, random), random.fork())
      if (isReached) kills += 1
    }
    if (!isReached) unreached.push(point)
    const losses = await comeBack(world)
    const told = `${kills}. ${describePoint(point)}${isReached ? '' : ': NOT REACHED'}`
    say(`seed ${seed}: ${told}, ${world.committed} committed`)
    if (losses.length > 0) return result(losses)
  }
  await world.kingbus.launch()
  return result(await world.rest())
}

/** @returns whether the process died where it was told to */
async function die(world: OneNode, order: KillOrder, random: SeededRandom): Promise<boolean> {
  const { kingbus } = world
  const ended = kingbus.launchOther(killed(order))
  const deadline = performance.now() + REACHED_MS
  while (kingbus.isRunning && performance.now() < deadline) {
    await Promise.race([ended, pause(STEP_MS)])
    await provoke(world, order.operation, random)
  }
  await kingbus.kill9()
  return readFileSync(order.notesFile, 'utf8').endsWith(`${KILLED}\n`)
}

/** Starts the product and looks; then it has to end, in one way or the other, since the next one is to die. */
async function comeBack(world: OneNode): Promise<string[]> {
  const { kingbus, source } = world
  // Nothing that was lost can be read again.
  source.freeze()
  try {
    const damages = await damagesOf(kingbus)
    await kingbus.launch()
    return [...damages, ...(await world.losses())]
  } finally {
    source.thaw()
    await kingbus.kill9()
  }
}

/** What makes the operation come: rotations come by themselves. */
async function provoke({ proxy, kingbus }: OneNode, operation: string, random: SeededRandom) {
  if (/cut|truncate/.test(operation)) proxy.cutAfter(random.between(1, 300_000))
  else if (random.chance(0.05)) proxy.cut()
  if (/purge|remove/.test(operation) || random.chance(0.03)) await purge(kingbus)
}

/** All but the last two files, if somebody answers. */
async function purge(kingbus: Kingbus): Promise<void> {
  const upTo = kingbus.binlogs().at(-2)?.name
  if (upTo === undefined) return
  let connection: Connection | undefined
  try {
    connection = await createConnection({ host: '127.0.0.1', port: kingbus.port, ...DBA })
    connection.on('error', () => {})
    await connection.query(`PURGE BINARY LOGS TO '${upTo}'`)
  } catch {
    // It is not there, has died, or somebody reads the file: the next time comes soon.
  } finally {
    connection?.destroy()
  }
}

async function addAdministrator(kingbus: Kingbus): Promise<void> {
  const { user: name, password } = DBA
  await kingbus.request('POST', '/api/v1/users', { name, password, rights: ['administer'] })
}

function killed(order: KillOrder): Program {
  const script = join(projectFolder, 'test/crashes/kill-points/killed-kingbus.ts')
  const env = { KILL_ORDER: JSON.stringify(order) }
  return { program: process.execPath, args: ['--import', 'tsx', script], env }
}

function operationsOf(points: readonly KillPoint[]): string[] {
  return points.map(({ operation }) => operation)
}

/** What the processes have noted. */
class Notes {
  readonly #operations = new Set<string>()
  readonly #file = join(makeRunFolder('notes'), 'notes')

  /** The order for the next process; the notes of the one before are read. */
  order(point: KillPoint, random: SeededRandom): KillOrder {
    this.#take()
    const { operation, moment, sparedMost = 0 } = point
    const spared = random.between(0, sparedMost)
    return { operation, moment, spared, notesFile: this.#file }
  }

  unlisted(): string[] {
    this.#take()
    const listed = new Set(Object.values(KILL_POINTS).flatMap(operationsOf))
    return [...this.#operations].filter((name) => !listed.has(name))
  }

  #take(): void {
    if (!existsSync(this.#file)) return
    const lines = readFileSync(this.#file, 'utf8').split('\n')
    for (const line of lines) if (line !== '' && line !== KILLED) this.#operations.add(line)
    rmSync(this.#file)
  }
}
