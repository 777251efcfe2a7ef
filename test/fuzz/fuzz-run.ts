import { getHeapStatistics } from 'node:v8'
import { ProtocolError } from '../../src/lib/index.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { keptInputs } from './corpus.ts'
import { mutate } from './mutate.ts'
import type { Target } from './target.ts'

/**
 * Processor time that one input may take. Ours are at most 256 KiB, which takes milliseconds; what takes so
 * long grows with more than the size of the input.
 */
const CPU_MS_MOST = 2_000
/** Memory that one input may take, whatever lengths stand in it: so much, and so much for each of its bytes. */
const MEMORY_BYTES_MOST = 48 * 1024 * 1024
const MEMORY_BYTES_PER_BYTE = 400

/** What was wrong, with what is needed to see it again. */
export interface Crash {
  readonly target: string
  readonly seed: number
  readonly index: number
  readonly input: Buffer
  readonly thrown: unknown
}

/** The seeds of one target and what was kept for it; mutations start from any of them. */
export function startsOf(target: Target): Buffer[] {
  return [...target.seeds(), ...keptInputs('corpus', target.name).map(({ input }) => input)]
}

/** The input with this number: a seed and a number always give the same one. */
export function inputOf(
  target: Target,
  starts: readonly Buffer[],
  seed: number,
  index: number,
): Buffer {
  const random = randomOf(seed, index)
  const start = random.chance(0.01) ? Buffer.alloc(random.between(0, 300)) : random.pick(starts)
  const material = { others: starts, words: target.words ?? [] }
  const input = mutate(start, random, material).subarray(0, target.bytesMost)
  return target.repair !== undefined && random.chance(0.8) ? target.repair(input) : input
}

function randomOf(seed: number, index: number): SeededRandom {
  return new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
}

/** What became of one input: taken, refused as it may be, or a bug: what was thrown. */
type Fate = 'taken' | 'refused' | { readonly thrown: unknown }

async function tryInput(target: Target, input: Buffer, seed: number, index: number): Promise<Fate> {
  let fate: Fate = 'taken'
  const refuses = target.refuses ?? ((thrown: unknown) => thrown instanceof ProtocolError)
  const memoryBefore = memoryBytes()
  const cpuBefore = process.cpuUsage()
  try {
    await target.run(input, randomOf(seed ^ 0x5bd1e995, index))
  } catch (thrown) {
    if (!refuses(thrown)) return { thrown }
    fate = 'refused'
  }
  const cpu = process.cpuUsage(cpuBefore)
  const cpuMs = (cpu.user + cpu.system) / 1000
  if (cpuMs > CPU_MS_MOST) {
    return { thrown: new Error(`took ${Math.round(cpuMs)} ms of processor time`) }
  }
  const memory = memoryBytes() - memoryBefore
  if (
    memory >
    (target.memoryBytesMost ?? MEMORY_BYTES_MOST) + input.length * MEMORY_BYTES_PER_BYTE
  ) {
    return { thrown: new Error(`took ${memory} bytes of memory for an input of ${input.length}`) }
  }
  return fate
}

/** What was taken and not yet given back: a hostile length shows before anybody collects it. */
function memoryBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

export interface KeptRun {
  readonly crash: Crash | undefined
  /** inputs that were not refused: a target that refuses all that is valid tests nothing */
  readonly taken: number
}

/** What a target leaves to chance is another thing each time: an input that once broke it is run so often. */
const RUNS_OF_CRASH = 16

/** Runs the valid inputs of a target and all that was kept for it. */
export async function runKept(target: Target): Promise<KeptRun> {
  const crashes = keptInputs('crashes', target.name).flatMap(({ input }) =>
    Array.from({ length: RUNS_OF_CRASH }, () => input),
  )
  let taken = 0
  for (const [index, input] of [...startsOf(target), ...crashes].entries()) {
    const fate = await tryInput(target, input, 0, index)
    if (typeof fate === 'object')
      return { crash: { target: target.name, seed: 0, index, input, ...fate }, taken }
    if (fate === 'taken') taken += 1
  }
  return { crash: undefined, taken }
}

export interface FuzzPlan {
  readonly seed: number
  readonly from: number
  /** says before each input whether to go on */
  readonly goOn: (index: number) => boolean
}

/** Runs inputs one after the other until the first that shows a bug, or until it is told to end. */
export async function fuzzTarget(target: Target, plan: FuzzPlan): Promise<Crash | undefined> {
  const starts = startsOf(target)
  for (let index = plan.from; plan.goOn(index); index += 1) {
    const input = inputOf(target, starts, plan.seed, index)
    const fate = await tryInput(target, input, plan.seed, index)
    if (typeof fate === 'object')
      return { target: target.name, seed: plan.seed, index, input, ...fate }
  }
  return undefined
}
