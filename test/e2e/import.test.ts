import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { restamp } from '../../src/mysql/binlog/checksum.ts'
import { bigFile, UUID } from '../../src/store/testing/binlog-feed.ts'
import { eventsOf, fixture } from '../captured-files.ts'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { compareBinlogs, fileDifference, serverDifferences } from './harness/compare.ts'
import { definitions, writeEveryKind } from './harness/every-kind.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mariadbd } from './harness/mariadb/mariadbd.ts'
import { Mysqld } from './harness/mysqld.ts'
import { makeRunFolder, projectFolder } from './harness/project.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

const program = join(projectFolder, 'bin', 'kingbus')

interface Imported {
  readonly files: number
  readonly sourceUuid: string
  readonly sourceUuidFoundIn: string
  readonly cuts: readonly { file: string; position: number; bytes: number }[]
}

async function importInto(dataFolder: string, ...given: readonly string[]): Promise<Imported> {
  const args = ['import', '--json', `--data-dir=${dataFolder}`, ...given]
  return JSON.parse((await promisify(execFile)(program, args)).stdout) as Imported
}

/** What it says that it does not take. */
async function refusal(...given: readonly string[]): Promise<string> {
  const dataFolder = join(makeRunFolder('refused'), 'data')
  const thrown = await importInto(dataFolder, ...given).catch((error: unknown) => error)
  expect(thrown).toMatchObject({ code: 65 })
  expect(readdirSync(join(dataFolder, '..'))).not.toContain('log')
  const binlogs = join(dataFolder, 'binlogs')
  if (existsSync(binlogs)) expect(readdirSync(binlogs)).toEqual([])
  return (thrown as { stderr: string }).stderr
}

/** A Kingbus that has met no source yet, and is stopped. */
async function emptyKingbus(nativePassword = false): Promise<Kingbus> {
  const kingbus = await Kingbus.start({ sourceUrl: 'mysql://repl@127.0.0.1:1', nativePassword })
  await kingbus.stop()
  return kingbus
}

async function manyFiles(): Promise<Mysqld> {
  const source = await Mysqld.start({ serverId: 1 })
  await source.sql(...definitions)
  for (const round of [1, 2, 3]) {
    await writeEveryKind(source, round * 1_000)
    if (round < 3) await source.sql('FLUSH BINARY LOGS')
  }
  return source
}

async function expectToGoOn(source: Mysqld, kingbus: Kingbus): Promise<void> {
  kingbus.setSourceUrl(source.sourceUrl)
  await kingbus.launch()
  await writeEveryKind(source, 9_000)
  await kingbus.catchUpWith(source)
  expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
  const replica = await Replica.start(kingbus, { serverId: 2 })
  await replica.catchUpWith(source)
  expect(await serverDifferences(source, replica.server)).toEqual([])
}

test('the files of a stopped source are taken as they are, and its binlog goes on behind them', async () => {
  const source = await manyFiles()
  const uuid = await source.value('SELECT @@server_uuid')
  await source.stop()
  const kingbus = await emptyKingbus()
  const found = await importInto(kingbus.dataFolder, source.dataFolder)
  expect(found).toMatchObject({ sourceUuid: uuid, cuts: [] })
  expect(found.sourceUuidFoundIn).toMatch(/auto\.cnf$/)
  expect(found.files).toBeGreaterThanOrEqual(3)
  for (const { name, path } of kingbus.binlogs()) {
    expect(fileDifference(path, join(source.dataFolder, name), false), name).toBeUndefined()
  }
  await source.launch()
  await expectToGoOn(source, kingbus)
}, 90_000)

test('a running source’s copy that ends inside an event is cut behind its last transaction, and read on', async () => {
  const source = await manyFiles()
  const copies = join(makeRunFolder('copies'), 'files')
  mkdirSync(copies)
  const files = await source.binlogs()
  for (const { name, path } of files) copyFileSync(path, join(copies, name))
  const last = files.at(-1)
  const torn = readFileSync(last?.path ?? '')
  writeFileSync(join(copies, last?.name ?? ''), torn.subarray(0, torn.length - 10))
  const index = join(copies, 'binlog.index')
  writeFileSync(index, files.map(({ name }) => `/was/there/${name}\n`).join(''))
  const kingbus = await emptyKingbus()
  const uuid = await source.value('SELECT @@server_uuid')
  const { cuts, sourceUuid } = await importInto(kingbus.dataFolder, index, `--source-uuid=${uuid}`)
  expect(sourceUuid).toBe(uuid)
  expect(cuts).toEqual([expect.objectContaining({ file: last?.name })])
  const [cut] = cuts
  expect((cut?.position ?? 0) + (cut?.bytes ?? 0)).toBe(torn.length - 10)
  kingbus.setSourceUrl(source.sourceUrl)
  await kingbus.launch()
  await kingbus.catchUpWith(source)
  expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
}, 90_000)

test('the files of a MariaDB source are taken, and its binlog goes on behind them', async () => {
  const source = await Mariadbd.start({ serverId: 11 })
  await source.sql(
    'CREATE DATABASE d',
    'CREATE TABLE d.t (id INT PRIMARY KEY)',
    'FLUSH BINARY LOGS',
  )
  await source.sql('INSERT INTO d.t VALUES (1)')
  await source.stop()
  const kingbus = await emptyKingbus(true)
  expect(await importInto(kingbus.dataFolder, source.dataFolder)).toMatchObject({
    files: 2,
    cuts: [],
  })
  await source.launch()
  kingbus.setSourceUrl(source.sourceUrl)
  await kingbus.launch()
  await source.sql('INSERT INTO d.t VALUES (2)')
  const wanted = await source.gtidBinlogPos()
  await waitFor({ what: `Kingbus to hold ${wanted}` }, async () => {
    return (await kingbus.status()).gtidExecuted === wanted
  })
  for (const { name, path } of kingbus.binlogs()) {
    expect(fileDifference(path, join(source.dataFolder, name), true), name).toBeUndefined()
  }
}, 60_000)

test('a node with imported files begins a cluster, and a node that is added gets them from it', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  for (const name of ['one', 'two', 'three']) {
    await source.sql(`CREATE DATABASE ${name}`, 'FLUSH BINARY LOGS')
  }
  const copies = join(makeRunFolder('copies'), 'files')
  mkdirSync(copies)
  for (const { name, path } of await source.binlogs()) copyFileSync(path, join(copies, name))
  const names = readdirSync(copies).toSorted()
  const kingbus = await emptyKingbus()
  const later = names.slice(1).map((name) => join(copies, name))
  const uuid = await source.value('SELECT @@server_uuid')
  await importInto(kingbus.dataFolder, ...later, `--source-uuid=${uuid}`)
  // What the node that is added gets can only come from the first one.
  await source.sql('FLUSH BINARY LOGS', `PURGE BINARY LOGS TO '${names.at(-1)}'`)
  kingbus.setSourceUrl(source.sourceUrl)
  const cluster = await KingbusCluster.from(kingbus, { source })
  await cluster.waitForRoles({ node1: 'leader' })
  const added = await cluster.add()
  await cluster.waitForRoles({ node2: 'in-sync' })
  await source.sql('CREATE DATABASE later')
  await cluster.catchUpWith(source)
  const { gtidPurged } = await kingbus.status()
  expect(gtidPurged).not.toBe('')
  for (const node of [kingbus, added]) {
    expect((await node.status()).gtidPurged).toBe(gtidPurged)
    const held = node.binlogs()
    expect(held.slice(0, later.length).map(({ name }) => name)).toEqual(names.slice(1))
    for (const { name, path } of held.slice(0, later.length - 1)) {
      expect(fileDifference(path, join(copies, name), false), name).toBeUndefined()
    }
  }
}, 90_000)

/** The events say where they end, as a server's do. */
function placed(file: Buffer): Buffer {
  let end = 4
  for (const event of eventsOf(file)) {
    end += event.length
    event.writeUInt32LE(end, 13)
    restamp(event)
  }
  return file
}

test('of an import that is killed nothing is there, and it can be done again', async () => {
  const folder = makeRunFolder('big')
  const plain = fixture('plain.000002')
  writeFileSync(
    join(folder, 'binlog.000001'),
    placed(bigFile(plain, { count: 400, size: 500_000, open: 0 })),
  )
  const dataFolder = join(folder, 'data')
  const file = join(folder, 'binlog.000001')
  const child: ChildProcess = spawn(program, ['import', `--data-dir=${dataFolder}`, file])
  const begun = join(dataFolder, 'importing', 'binlog.000001')
  await waitFor({ what: 'the import to have begun', stepMs: 1 }, async () => existsSync(begun))
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  expect(await ended).toEqual([null, 'SIGKILL'])
  expect(readdirSync(join(dataFolder, 'binlogs'))).toEqual([])
  expect(await importInto(dataFolder, file)).toMatchObject({ files: 1, sourceUuid: UUID, cuts: [] })
  expect(readdirSync(dataFolder)).not.toContain('importing')
  expect(fileDifference(join(dataFolder, 'binlogs', 'binlog.000001'), file, false)).toBeUndefined()
}, 60_000)

describe('what cannot be taken is refused, and nothing is there afterwards:', () => {
  const write = (files: Readonly<Record<string, Buffer>>): string[] => {
    const folder = makeRunFolder('files')
    return Object.entries(files).map(([name, bytes]) => {
      writeFileSync(join(folder, name), bytes)
      return join(folder, name)
    })
  }
  const plain = fixture('plain.000002')
  const others: [string, Readonly<Record<string, Buffer>>, RegExp][] = [
    [
      'an encrypted file',
      { 'b.000001': Buffer.from(`fd62696e${'00'.repeat(60)}`, 'hex') },
      /encrypted/,
    ],
    [
      'a gap in PREVIOUS_GTIDS',
      { 'b.000002': plain, 'b.000003': fixture('ddl-xa.000005') },
      /PREVIOUS_GTIDS names/,
    ],
  ]

  // All that is refused: src/import/import-files.test.ts. This is what the command makes of it.
  test.each(others)('%s', async (_, files, words) => {
    expect(await refusal(...write(files), '--source-uuid', UUID)).toMatch(words)
  })

  test('a data directory with binlogs, and one that another process has', async () => {
    const dataFolder = join(makeRunFolder('full'), 'data')
    const [path = ''] = write({ 'b.000002': plain })
    await importInto(dataFolder, path)
    await expect(importInto(dataFolder, path)).rejects.toMatchObject({ code: 73 })
    const kingbus = await Kingbus.start({ sourceUrl: 'mysql://repl@127.0.0.1:1' })
    await expect(importInto(kingbus.dataFolder, path)).rejects.toMatchObject({
      code: 73,
      stderr: expect.stringContaining('E_DATA_DIR_LOCKED'),
    })
  })
})
