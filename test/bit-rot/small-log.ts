/*
  A small data directory of a node in a cluster: three files with records of several epochs, two of them closed, and the
  small files beside them.
*/
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFacts } from '../../src/cluster/log/facts-file.ts'
import { encodeCheckedJson, silentLogger } from '../../src/lib/index.ts'
import type { GtidSet } from '../../src/mysql/index.ts'
import { systemDisk, systemRandom } from '../../src/platform/index.ts'
import { type LogPoint, openDataDir, ReplicatedLog } from '../../src/store/index.ts'
import { chunksOf } from '../../src/store/testing/binlog-feed.ts'
import { LogFeed } from '../../src/store/testing/log-feed.ts'
import { fixture } from '../captured-files.ts'
import { CUTS, FIXTURES, ourNameOf, previousOf, temporaryDataDir } from './small-store.ts'

/** Read by a node at its start, but for those of etcd's member. */
const SMALL_FILES = ['identity.json', 'cluster.json', 'binlogs/log.json'] as const
/** Which `verify` looks at alone, or a part of a node that is not here. */
const OTHER_FILES = [
  'cluster-store.json',
  'etcd-member/joined.json',
  'etcd-member/config.json',
] as const

export interface SmallLog {
  readonly dataDir: string
  readonly storeId: string
  /** by the names of the binlog files */
  readonly bytes: ReadonlyMap<string, Buffer>
  /** the file that is written to */
  readonly active: string
  /** by their paths in the data directory: the binlog files, their indexes, the small files */
  readonly files: ReadonlyMap<string, Buffer>
  readonly end: number
  readonly lineage: readonly LogPoint[]
  readonly executed: GtidSet
  readonly purged: GtidSet
}

export async function makeSmallLog(): Promise<SmallLog> {
  const dataDir = temporaryDataDir()
  const opened = await openDataDir({ disk: systemDisk, random: systemRandom, path: dataDir })
  const { storeId } = opened.identity
  const log = await openSmallLog(dataDir, storeId)
  const feed = new LogFeed(log)
  const bytes = new Map<string, Buffer>()
  for (const name of FIXTURES) {
    const file = fixture(name)
    feed.epoch += 1
    await feed.file(ourNameOf(name), bytes.size === 0 ? previousOf(file) : undefined)
    for (const chunk of chunksOf(file, 4, file.length, CUTS)) {
      feed.epoch += 1
      await feed.append({ kind: 'epoch-start', crc: 0, ...log.tail })
      await feed.piece(chunk)
      await log.sync()
      await log.show(log.end)
    }
    bytes.set(ourNameOf(name), file)
  }
  const told = { end: log.end, lineage: [...log.lineage] }
  const held = { executed: log.executed().clone(), purged: log.purged().clone() }
  await log.close()
  await opened.release()
  await writeSmallFiles(dataDir, storeId, told.end)
  const names = [...bytes.keys()].flatMap((name) => [`binlogs/${name}`, `binlogs/${name}.idx`])
  const files = new Map(
    [...names, ...SMALL_FILES, ...OTHER_FILES].map((name) => [
      name,
      readFileSync(join(dataDir, name)),
    ]),
  )
  const active = [...bytes.keys()].at(-1) ?? ''
  return { dataDir, storeId, bytes, active, files, ...told, ...held }
}

async function writeSmallFiles(dataDir: string, storeId: string, end: number): Promise<void> {
  const facts = { promised: 40, known: end, cluster: 'c-1', seen: { epoch: 40, version: 7 } }
  await writeFacts(systemDisk, join(dataDir, 'cluster.json'), facts, end)
  mkdirSync(join(dataDir, 'etcd-member'))
  const kept = { version: 1, incarnation: 3, store: storeId, token: 'once', intended: [] }
  const contents = [kept, { format: 1 }, { name: 'node1', 'heartbeat-interval': 100 }]
  OTHER_FILES.forEach((name, at) =>
    writeFileSync(join(dataDir, name), encodeCheckedJson(contents[at] ?? {})),
  )
}

export const isReadAtStart = (file: string): boolean =>
  file.startsWith('binlogs/binlog.') || SMALL_FILES.some((one) => one === file)

export async function openSmallLog(
  dataDir: string,
  storeId: string,
  heldAtLeast = 0,
): Promise<ReplicatedLog> {
  const where = { disk: systemDisk, folder: join(dataDir, 'binlogs'), storeId, heldAtLeast }
  return await ReplicatedLog.open({ ...where, logger: silentLogger })
}

/** Puts the files in their places as they were made; nothing else stays. */
export function restore({ files }: SmallLog, dataDir: string): void {
  for (const folder of ['etcd-member', 'binlogs']) {
    mkdirSync(join(dataDir, folder), { recursive: true })
  }
  for (const [name, content] of files) writeFileSync(join(dataDir, name), content)
  const stray = readdirSync(join(dataDir, 'binlogs')).filter(
    (name) => !files.has(`binlogs/${name}`),
  )
  if (stray.some((name) => name !== 'repair')) throw new Error(`left behind: ${stray.join(', ')}`)
}
