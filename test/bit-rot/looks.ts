/*
  What is seen of a store, or of a log, one bit of which has flipped: by reads, by the scrub and by `verify`.
*/
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { verifyDataDir } from '../../src/inspect/index.ts'
import { OperationalError, silentLogger } from '../../src/lib/index.ts'
import { systemClock, systemDisk } from '../../src/platform/index.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { type BinlogStore, binlogOf, FileScrub, RECORD_BYTES_MAX } from '../../src/store/index.ts'

/** One bit of a file of a folder. */
export interface Bit {
  readonly file: string
  readonly position: number
  readonly bit: number
}

export const describeBit = ({ file, position, bit }: Bit): string =>
  `bit ${bit} of ${file}:${position}`

/** In the first bytes of a file, and in the version of an index. */
const ALWAYS = [3, 8 * 7 + 1]

/** @param each so many of each file; undefined: all */
export function bitsOf(
  folder: string,
  files: readonly string[],
  { random, each }: { readonly random: SeededRandom; readonly each: number | undefined },
): Bit[] {
  return files.flatMap((file) => {
    const { size } = statSync(join(folder, file))
    const all = Array.from({ length: 8 * size }, (_, index) => index)
    const isChosen = (index: number): boolean =>
      each === undefined || ALWAYS.includes(index) || random.chance(each / all.length)
    return all.filter(isChosen).map((index) => ({ file, position: index >> 3, bit: index & 7 }))
  })
}

export async function scrub(dataDir: string, store: BinlogStore, name: string): Promise<void> {
  const folder = join(dataDir, 'binlogs')
  const where = { name: 'node', disk: systemDisk, folder, store, logger: silentLogger }
  const check = new FileScrub({ ...where, bytesPerSecond: undefined, clock: systemClock })
  await check.checkNow(name, new AbortController().signal)
}

/** What `verify` says, as one text. */
export async function verifyText(dataDir: string): Promise<string> {
  const options = { disk: systemDisk, clock: systemClock, dataDir, from: undefined }
  const { files, damages, notices } = await verifyDataDir({ ...options, progress: () => {} })
  const all = [
    ...files.flatMap((file) => [...file.damages, ...file.notices]),
    ...damages,
    ...notices,
  ]
  return JSON.stringify(all)
}

const buffer = Buffer.alloc(RECORD_BYTES_MAX)

export interface ReadAll {
  /** files whose damage was told */
  readonly damaged: ReadonlySet<string>
  readonly problems: readonly string[]
}

/** Reads all that is served, from each position on that the read before ended at, or past what is damaged. */
export async function readAll(
  stored: ReadonlyMap<string, Buffer>,
  store: BinlogStore,
): Promise<ReadAll> {
  const damaged = new Set<string>()
  const problems: string[] = []
  for (const [name, bytes] of stored) {
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
  store: BinlogStore,
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
