/*
  One bit of a small store at a time is turned over: while the store is open, and before it is opened. Each is found by
  a read (unless that reads what is true), by the scrub and by `verify`; none is served; a store with a damaged file
  opens, has all of its GTIDs, and either serves what was stored or says that it does not.
*/
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { verifyDataDir } from '../../src/inspect/index.ts'
import { OperationalError, silentLogger } from '../../src/lib/index.ts'
import { systemClock, systemDisk } from '../../src/platform/index.ts'
import { flipBit } from '../../src/platform/testing/flip-bit.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import {
  binlogOf,
  FileScrub,
  isIndexName,
  RECORD_BYTES_MAX,
  type Store,
} from '../../src/store/index.ts'
import {
  copyStore,
  makeSmallStore,
  openStore,
  removeSmallStore,
  type SmallStore,
  storeIdOf,
} from './small-store.ts'

/** One bit of a file of the folder `binlogs`. */
export interface Bit {
  readonly file: string
  readonly position: number
  readonly bit: number
}

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
      problems.push(...found.map((what) => `${describe(bit)}: ${what}`))
      if (count % 1000 === 999)
        say(`${count + 1} of ${bits.length} bits, ${problems.length} problems`)
    }
    return { bits: bits.length, problems }
  } finally {
    removeSmallStore(store)
  }
}

/** In the first bytes of a file, and in the version of an index. */
const ALWAYS = [3, 8 * 7 + 1]

const describe = ({ file, position, bit }: Bit): string => `bit ${bit} of ${file}:${position}`

function chooseBits(store: SmallStore, random: SeededRandom, each: number | undefined): Bit[] {
  return [...store.bytes.keys()]
    .flatMap((name) => [name, `${name}.idx`])
    .flatMap((file) => {
      const { size } = statSync(join(store.dataDir, 'binlogs', file))
      const all = Array.from({ length: 8 * size }, (_, index) => index)
      const isChosen = (index: number): boolean =>
        each === undefined || ALWAYS.includes(index) || random.chance(each / all.length)
      const chosen = all.filter(isChosen)
      return chosen.map((index) => ({ file, position: index >> 3, bit: index & 7 }))
    })
}

// ---- while the store is open

async function whileOpen(small: SmallStore, bit: Bit): Promise<string[]> {
  const store = await openStore(small.dataDir, storeIdOf(small.dataDir))
  const path = join(small.dataDir, 'binlogs', bit.file)
  flipBit(path, bit.position, bit.bit)
  try {
    const read = await readAll(small, store)
    const problems = [...read.problems]
    // The index of the file that is written to is in memory; of another a read needs a part.
    const mustMeet = !isIndexName(bit.file) && bit.position >= 4
    if (mustMeet && !read.damaged.has(bit.file)) problems.push('a read does not find it')
    problems.push(...(await scrubProblems(small.dataDir, store, bit)))
    const report = await verify(small.dataDir)
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

async function scrub(dataDir: string, store: Store, name: string): Promise<void> {
  const folder = join(dataDir, 'binlogs')
  const where = { name: 'node', disk: systemDisk, folder, store, logger: silentLogger }
  const check = new FileScrub({ ...where, bytesPerSecond: undefined, clock: systemClock })
  await check.checkNow(name, new AbortController().signal)
}

async function verify(dataDir: string): Promise<string> {
  const options = { disk: systemDisk, clock: systemClock, dataDir, from: undefined }
  const { files, damages, notices } = await verifyDataDir({ ...options, progress: () => {} })
  const all = [
    ...files.flatMap((file) => [...file.damages, ...file.notices]),
    ...damages,
    ...notices,
  ]
  return JSON.stringify(all)
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
  const read = await readAll(small, store)
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

// ---- reading

const buffer = Buffer.alloc(RECORD_BYTES_MAX)

interface ReadAll {
  /** files whose damage was told */
  readonly damaged: ReadonlySet<string>
  readonly problems: readonly string[]
}

/** Reads all that is served, from each position on that the read before ended at, or past what is damaged. */
async function readAll(small: SmallStore, store: Store): Promise<ReadAll> {
  const damaged = new Set<string>()
  const problems: string[] = []
  for (const [name, bytes] of small.bytes) {
    try {
      await readFile(store, name, bytes, problems)
    } catch (thrown) {
      const isTold = thrown instanceof OperationalError && thrown.code === 'E_STORE_DAMAGED'
      const { file, position } = isTold ? thrown.context : {}
      if (typeof file === 'string' && binlogOf(file) === name && typeof position === 'number') {
        damaged.add(name)
      } else problems.push(`reading ${name}: ${String(thrown)}`)
    }
  }
  return { damaged, problems }
}

async function readFile(
  store: Store,
  name: string,
  bytes: Buffer,
  problems: string[],
): Promise<void> {
  const reader = await store.openFile(name)
  try {
    for (let position = 4; position < bytes.length; ) {
      const read = reader.read(position, buffer)
      if (read.bytes.length === 0) {
        problems.push(`${name} ends at ${position} of ${bytes.length}`)
        return
      }
      if (!bytes.subarray(position, read.end).equals(read.bytes)) {
        problems.push(`${name} is served wrong from ${position} to ${read.end}`)
      }
      position = read.end
    }
  } finally {
    await reader.close()
  }
}
