/*
  A small store of three files, two of them closed, of a node that is alone: in memory as far as the machine has a file
  system there, since a run writes it thousands of times.
*/
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '../../src/lib/index.ts'
import { decodePreviousGtids, type GtidSet, readEventHeader } from '../../src/mysql/index.ts'
import { systemDisk, systemRandom } from '../../src/platform/index.ts'
import { openDataDir, Store } from '../../src/store/index.ts'
import { beginOf, chunksOf } from '../../src/store/testing/binlog-feed.ts'
import { fixture } from '../captured-files.ts'

export const FIXTURES = ['plain.000002', 'tagged-gtids.000003', 'compressed-trx.000004'] as const
/** Records end there, and at the end of each file. */
export const CUTS = [130, 700, 701, 1200]
const IN_MEMORY = '/dev/shm'

export interface SmallStore {
  readonly dataDir: string
  /** by the names of the files */
  readonly bytes: ReadonlyMap<string, Buffer>
  /** the file that is written to */
  readonly active: string
  /** GTIDs of all that was stored, and of what was purged before */
  readonly executed: GtidSet
  readonly purged: GtidSet
}

export function temporaryDataDir(): string {
  const root = existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir()
  return mkdtempSync(join(root, 'kingbus-bit-rot-'))
}

export const ourNameOf = (fixtureName: string): string => `binlog.${fixtureName.slice(-6)}`

export async function makeSmallStore(): Promise<SmallStore> {
  const dataDir = temporaryDataDir()
  const opened = await openDataDir({ disk: systemDisk, random: systemRandom, path: dataDir })
  const store = await openStore(dataDir, opened.identity.storeId)
  const bytes = new Map<string, Buffer>()
  for (const name of FIXTURES) {
    const file = fixture(name)
    const purged = bytes.size === 0 ? previousOf(file) : undefined
    const ours = ourNameOf(name)
    store.commit(await store.beginFile(beginOf(ours, purged)))
    for (const chunk of chunksOf(file, 4, file.length, CUTS)) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
    bytes.set(ours, file)
  }
  const executed = store.executed().clone()
  const purged = store.purged().clone()
  await store.close()
  await opened.release()
  return { dataDir, bytes, active: [...bytes.keys()].at(-1) ?? '', executed, purged }
}

export async function openStore(dataDir: string, storeId: string): Promise<Store> {
  const folder = join(dataDir, 'binlogs')
  return await Store.open({ disk: systemDisk, folder, storeId, logger: silentLogger })
}

/** A copy of its files beside it, in the place of the one before. */
export function copyStore({ dataDir }: SmallStore): string {
  const copy = `${dataDir}-copy`
  rmSync(copy, { recursive: true, force: true })
  for (const folder of ['', 'binlogs']) {
    mkdirSync(join(copy, folder), { recursive: true })
    for (const one of readdirSync(join(dataDir, folder), { withFileTypes: true })) {
      if (one.isFile()) copyFileSync(join(dataDir, folder, one.name), join(copy, folder, one.name))
    }
  }
  return copy
}

export function storeIdOf(dataDir: string): string {
  const { storeId } = JSON.parse(readFileSync(join(dataDir, 'identity.json'), 'utf8')) as {
    readonly storeId: string
  }
  return storeId
}

export function removeSmallStore({ dataDir }: Pick<SmallStore, 'dataDir'>): void {
  for (const path of [dataDir, `${dataDir}-copy`]) rmSync(path, { recursive: true, force: true })
}

export function previousOf(file: Buffer): GtidSet {
  const at = 4 + readEventHeader(file, 4).size
  return decodePreviousGtids(file.subarray(at, at + readEventHeader(file, at).size), 'CRC32')
}
