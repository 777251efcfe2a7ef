import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventsOf, fixture } from '../../test/captured-files.ts'
import { silentLogger } from '../lib/index.ts'
import { GtidSet } from '../mysql/index.ts'
import { type Disk, systemDisk, systemRandom } from '../platform/index.ts'
import { temporaryFolder } from '../platform/testing/temporary-folder.ts'
import { openDataDir, Store } from '../store/index.ts'
import {
  type BigFile,
  bigFile,
  UUID,
  withEndPositions,
  withPreviousGtids,
} from '../store/testing/binlog-feed.ts'
import { chooseFiles, type ImportReport, importFiles } from './index.ts'

const OTHER = '99999999-2222-3333-4444-555555555555'
const plain = fixture('plain.000002')
const made = (first: number, more: Partial<BigFile> = {}): Buffer =>
  withEndPositions(bigFile(plain, { count: 3, size: 200, open: 0, first, ...more }))
/** Three files of one server, with three transactions each. */
const [one, two, three] = [made(1), made(4), made(7)] as const

/** Of another server: the same numbers under another uuid. */
function ofOther(file: Buffer): Buffer {
  const copy = Buffer.from(file)
  const [from, to] = [UUID, OTHER].map((uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex'))
  for (let at = copy.indexOf(from ?? ''); at >= 0; at = copy.indexOf(from ?? '', at + 1)) {
    to?.copy(copy, at)
  }
  return withEndPositions(copy)
}

type Files = Readonly<Record<string, Buffer>>

function write(files: Files): { folder: string; dataFolder: string } {
  const folder = temporaryFolder('import')
  mkdirSync(`${folder}/files`)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(`${folder}/files/${name}`, bytes)
  return { folder: `${folder}/files`, dataFolder: `${folder}/data` }
}

interface Given {
  readonly sourceUuid?: string
  readonly disk?: Disk
  /** what is given, in the folder; otherwise the folder */
  readonly names?: readonly string[]
}

async function importInto(
  { folder, dataFolder }: { folder: string; dataFolder: string },
  { sourceUuid, disk = systemDisk, names }: Given = {},
): Promise<ImportReport> {
  const given = names?.map((name) => join(folder, name)) ?? [folder]
  const dataDir = await openDataDir({ disk, random: systemRandom, path: dataFolder })
  try {
    const paths = await chooseFiles(disk, given)
    const progress = (): void => {}
    return await importFiles({ disk, logger: silentLogger, dataDir, paths, sourceUuid, progress })
  } finally {
    await dataDir.release()
  }
}

async function refusal(files: Files, given: Given = {}): Promise<string> {
  const written = write(files)
  const thrown = await importInto(written, given).catch((error: unknown) => error)
  expect(thrown).toMatchObject({ code: 'E_IMPORT_REFUSED' })
  expect(readdirSync(`${written.dataFolder}/binlogs`)).toEqual([])
  const importing = `${written.dataFolder}/importing`
  if (existsSync(importing)) expect(readdirSync(importing)).toEqual([])
  return String(thrown)
}

async function opened(dataFolder: string): Promise<Store> {
  const folder = `${dataFolder}/binlogs`
  const options = { disk: systemDisk, random: systemRandom, path: dataFolder }
  const dataDir = await openDataDir(options)
  const { storeId } = dataDir.identity
  await dataDir.release()
  return await Store.open({ disk: systemDisk, folder, storeId, logger: silentLogger })
}

describe('an import', () => {
  it('has every byte of the files, and a store opens with them', async () => {
    const files: Files = { 'b.000001': one, 'b.000002': two, 'b.000003': three }
    const written = write(files)
    const report = await importInto(written)
    expect(report).toMatchObject({ files: 3, cuts: [], source: { uuid: UUID } })
    for (const [name, bytes] of Object.entries(files)) {
      expect(readFileSync(`${written.dataFolder}/binlogs/${name}`).equals(bytes), name).toBe(true)
    }
    const store = await opened(written.dataFolder)
    expect(store.executed().toLine()).toBe(`${UUID}:1-9`)
    expect(store.purged().isEmpty).toBe(true)
    await store.close()
  })

  it('takes what is before its first file for purged, and a start does, too', async () => {
    const written = write({ 'b.000002': two, 'b.000003': three })
    const report = await importInto(written)
    expect(report.purged.toLine()).toBe(`${UUID}:1-3`)
    expect(report.executed.toLine()).toBe(`${UUID}:1-9`)
    for (let start = 0; start < 2; start += 1) {
      const store = await opened(written.dataFolder)
      expect(store.purged().toLine()).toBe(`${UUID}:1-3`)
      expect(store.executed().toLine()).toBe(`${UUID}:1-9`)
      expect((await store.previousGtids('b.000002')).toLine()).toBe(`${UUID}:1-3`)
      await store.close()
    }
  })

  it('leaves out half a transaction at the very end, and says how much', async () => {
    const open = made(4, { open: 2 })
    const report = await importInto(write({ 'b.000001': one, 'b.000002': open }))
    expect(report.executed.toLine()).toBe(`${UUID}:1-6`)
    expect(report.cuts).toEqual([
      { file: 'b.000002', position: two.length, bytes: open.length - two.length },
    ])
  })

  it('is refused where the disk has no room for it', async () => {
    const disk: Disk = {
      ...systemDisk,
      space: async (path) => ({ ...(await systemDisk.space(path)), freeBytes: one.length }),
    }
    const written = write({ 'b.000001': one })
    await expect(importInto(written, { disk })).rejects.toMatchObject({ code: 'E_DISK_FULL' })
  })
})

const mariadb = fixture('mariadb-kinds.000001')
const damaged = Buffer.from(plain)
damaged.writeUInt8((damaged[1_000] ?? 0) ^ 1, 1_000)
const upTo = (file: Buffer, count: number): Buffer =>
  file.subarray(0, 4 + Buffer.concat(eventsOf(file).slice(0, count)).length)
const said: Given = { sourceUuid: UUID }

describe('what cannot be imported is refused, and nothing is there afterwards:', () => {
  const others: readonly (readonly [string, Files, RegExp, Given?])[] = [
    [
      'an encrypted file',
      { 'b.000001': Buffer.from(`fd62696e${'00'.repeat(60)}`, 'hex') },
      /encrypted by the server; fetch the files from the running server/,
    ],
    [
      'a relay log',
      { 'b.000012': fixture('relay-no-checksum.000012') },
      /it is a relay log/,
      { names: ['b.000012'] },
    ],
    ['an empty file', { 'b.000001': Buffer.alloc(0) }, /no events/, { names: ['b.000001'] }],
    [
      'no binlog at all',
      { 'b.000001': Buffer.from('-- a dump of SQL, which is no binlog') },
      /it is no binlog file/,
      { names: ['b.000001'] },
    ],
    [
      'a file that was only begun',
      { 'b.000001': upTo(one, 1) },
      /does not begin with FORMAT_DESCRIPTION and PREVIOUS_GTIDS/,
      said,
    ],
    [
      'transactions without GTIDs',
      { 'b.000002': fixture('anonymous-myisam.000002') },
      /anonymous transaction.* at \d+/,
    ],
    ['a gap in the names', { 'b.000001': one, 'b.000003': three }, /1 files are missing/],
    [
      'a file that is given twice',
      { 'b.000001': one },
      /given twice/,
      { names: ['b.000001', 'b.000001'] },
    ],
    [
      'files of two names',
      { 'a.000001': one, 'b.000002': two },
      /another name than a.000001/,
      { names: ['a.000001', 'b.000002'] },
    ],
    [
      'a folder with binlogs of two names',
      { 'a.000001': one, 'b.000002': two },
      /several names \(a, b\)/,
    ],
    [
      'a gap in PREVIOUS_GTIDS',
      { 'b.000001': one, 'b.000002': three },
      new RegExp(`b.000002: its PREVIOUS_GTIDS names ${UUID}:4-6`),
    ],
    [
      'a file in the middle that has lost its end',
      { 'b.000001': one, 'b.000002': upTo(two, 6), 'b.000003': three },
      new RegExp(`b.000003: its PREVIOUS_GTIDS names ${UUID}:6`),
    ],
    [
      'a file in the middle that is torn inside a transaction',
      { 'b.000001': one, 'b.000002': two.subarray(0, two.length - 10), 'b.000003': three },
      new RegExp(`b.000003: its PREVIOUS_GTIDS names ${UUID}:6`),
    ],
    [
      'files in the wrong order',
      { 'b.000001': two, 'b.000002': one },
      new RegExp(`b.000002: its PREVIOUS_GTIDS lacks ${UUID}:1-3, which that of .*b.000001 has`),
    ],
    [
      'a first file of another server behind one',
      { 'b.000001': one, 'b.000002': ofOther(one) },
      new RegExp(`b.000002: its PREVIOUS_GTIDS lacks ${UUID}:1-3`),
      said,
    ],
    [
      'a later file of another server behind one',
      { 'b.000001': one, 'b.000002': ofOther(two) },
      new RegExp(`b.000002: its PREVIOUS_GTIDS names ${OTHER}:1-3`),
      said,
    ],
    [
      'a transaction that a file before has',
      {
        'b.000001': one,
        'b.000002': withEndPositions(withPreviousGtids(one, GtidSet.parse(`${UUID}:1-3`))),
      },
      /b.000002: a transaction before position \d+ is in the files before already/,
    ],
    [
      'MySQL behind MariaDB',
      { 'b.000001': mariadb, 'b.000002': two },
      /b.000002: it is not of the same kind of server as .*b.000001/,
      said,
    ],
    ['a wrong checksum', { 'b.000002': damaged }, /checksum .* at position 931 is wrong/],
    ['nobody’s transactions', { 'b.000001': upTo(one, 2) }, /give --source-uuid/],
    [
      'a list of a file that is not there',
      { 'b.000001': one, 'b.index': Buffer.from('./b.000001\n./b.000002\n') },
      /it names \.\/b.000002, which is not there/,
      { names: ['b.index'] },
    ],
  ]

  for (const [what, files, words, given] of others) {
    it(what, async () => {
      expect(await refusal(files, given)).toMatch(words)
    })
  }
})
