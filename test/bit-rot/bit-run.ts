/*
  One bit of a small store at a time is turned over: while the store is open, and before it is opened. Each is found by
  a read (unless that reads what is true), by the scrub and by `verify`; none is served; a store with a damaged file
  opens, has all of its GTIDs, and either serves what was stored or says that it does not.
*/
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OperationalError } from '../../src/lib/index.ts'
import { flipBit } from '../../src/platform/testing/flip-bit.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { binlogOf, isIndexName, type Store } from '../../src/store/index.ts'
import { type Bit, bitsOf, describeBit, readAll, scrub, verifyText } from './looks.ts'
import {
  copyStore,
  makeSmallStore,
  openStore,
  removeSmallStore,
  type SmallStore,
  storeIdOf,
} from './small-store.ts'

export interface BitRunOptions {
  readonly seed: number
  /** so many of each file and of each index; undefined: all */
  readonly bitsEach: number | undefined
  readonly say: (line: string) => void
}

export interface BitRunResult {
  readonly bits: number
  /** what was wrong, with the bit */
  readonly problems: readonly string[]
}

export async function runBits({ seed, bitsEach, say }: BitRunOptions): Promise<BitRunResult> {
  const store = await makeSmallStore()
  const problems: string[] = []
  try {
    const bits = chooseBits(store, new SeededRandom(seed), bitsEach)
    for (const [count, bit] of bits.entries()) {
      const found = [...(await whileOpen(store, bit)), ...(await beforeOpening(store, bit))]
      problems.push(...found.map((what) => `${describeBit(bit)}: ${what}`))
      if (count % 1000 === 999)
        say(`${count + 1} of ${bits.length} bits, ${problems.length} problems`)
    }
    return { bits: bits.length, problems }
  } finally {
    removeSmallStore(store)
  }
}

function chooseBits(store: SmallStore, random: SeededRandom, each: number | undefined): Bit[] {
  const files = [...store.bytes.keys()].flatMap((name) => [name, `${name}.idx`])
  return bitsOf(join(store.dataDir, 'binlogs'), files, { random, each })
}

// ---- while the store is open

async function whileOpen(small: SmallStore, bit: Bit): Promise<string[]> {
  const store = await openStore(small.dataDir, storeIdOf(small.dataDir))
  const path = join(small.dataDir, 'binlogs', bit.file)
  flipBit(path, bit.position, bit.bit)
  try {
    const read = await readAll(small.bytes, store)
    const problems = [...read.problems]
    // The index of the file that is written to is in memory; of another a read needs a part.
    const mustMeet = !isIndexName(bit.file) && bit.position >= 4
    if (mustMeet && !read.damaged.has(bit.file)) problems.push('a read does not find it')
    problems.push(...(await scrubProblems(small.dataDir, store, bit)))
    const report = await verifyText(small.dataDir)
    if (!report.includes(bit.file)) problems.push(`verify does not name it: ${report}`)
    return problems
  } finally {
    await store.close()
    flipBit(path, bit.position, bit.bit)
  }
}

async function scrubProblems(dataDir: string, store: Store, bit: Bit): Promise<string[]> {
  await scrub(dataDir, store, binlogOf(bit.file))
  const alarms = store.alarms.of(binlogOf(bit.file), 'E_STORE_DAMAGED')
  const named = alarms.some(
    ({ file, from, to }) =>
      file === bit.file && (isIndexName(file) || (from <= bit.position && bit.position < to)),
  )
  return named ? [] : [`the scrub does not name it: ${JSON.stringify(alarms)}`]
}

// ---- before it is opened

async function beforeOpening(small: SmallStore, bit: Bit): Promise<string[]> {
  const dataDir = copyStore(small)
  flipBit(join(dataDir, 'binlogs', bit.file), bit.position, bit.bit)
  let store: Store
  try {
    store = await openStore(dataDir, storeIdOf(dataDir))
  } catch (thrown) {
    return refusalProblems(small, bit, thrown)
  }
  try {
    return await openedProblems(small, dataDir, store, bit)
  } finally {
    await store.close()
  }
}

/** Only the file that is written to may be refused, by its name. */
function refusalProblems(small: SmallStore, bit: Bit, thrown: unknown): string[] {
  const isNamed =
    thrown instanceof OperationalError &&
    thrown.code === 'E_STORE_DAMAGED' &&
    thrown.context['file'] === small.active
  if (isNamed && bit.file === small.active) return []
  return [`the store does not open: ${String(thrown)}`]
}

async function openedProblems(
  small: SmallStore,
  dataDir: string,
  store: Store,
  bit: Bit,
): Promise<string[]> {
  const problems: string[] = []
  if (!store.executed().equals(small.executed))
    problems.push(`it holds ${store.executed().toString()}`)
  if (!small.purged.contains(store.purged()))
    problems.push(`it has purged ${store.purged().toString()}`)
  const read = await readAll(small.bytes, store)
  problems.push(...read.problems)
  const name = binlogOf(bit.file)
  await scrub(dataDir, store, name)
  const alarms = store.alarms.of(name, 'E_STORE_DAMAGED')
  if (alarms.length > 0) return problems
  // Nothing is wrong any more: it was mended from what is true.
  const healed = readFileSync(join(dataDir, 'binlogs', name))
  if (!healed.equals(small.bytes.get(name) ?? Buffer.alloc(0))) problems.push('it is not healed')
  if (read.damaged.size > 0) problems.push(`nothing is known of ${[...read.damaged].join(', ')}`)
  if (!store.purged().equals(small.purged))
    problems.push(`it has purged ${store.purged().toString()}`)
  return problems
}
