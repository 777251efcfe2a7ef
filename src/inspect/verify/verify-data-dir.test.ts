import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fixture, REAL_FILE_NAMES } from '../../../test/captured-files.ts'
import { decodeCheckedJson, encodeCheckedJson, silentLogger } from '../../lib/index.ts'
import {
  decodePreviousGtids,
  encodePreviousGtids,
  GtidSet,
  readEventHeader,
} from '../../mysql/index.ts'
import { systemClock, systemDisk, systemRandom } from '../../platform/index.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { type DataDir, openDataDir, Store } from '../../store/index.ts'
import { beginOf, chunksOf } from '../../store/testing/binlog-feed.ts'
import { CrashDisk } from '../../store/testing/crash-disk.ts'
import { damageText } from '../damage.ts'
import { type VerifyReport, verifyDataDir } from './verify-data-dir.ts'

const UUID = '90b578d4-e6e1-11f1-82c0-02fc00000001'
let made = ''
let folder = ''
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'kingbus-verify-made-'))
  const { dataDir, store } = await filled(made)
  await store.close()
  await dataDir.release()
})
afterAll(async () => await rm(made, { recursive: true }))
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kingbus-verify-'))
  await cp(made, folder, { recursive: true })
})
afterEach(async () => await rm(folder, { recursive: true }))

const nameOf = (fixtureName: string): string => `binlog.${fixtureName.slice(-6)}`

async function filled(path: string, to?: number): Promise<{ dataDir: DataDir; store: Store }> {
  const dataDir = await openDataDir({ disk: systemDisk, random: systemRandom, path })
  const { storeId } = dataDir.identity
  const options = { disk: systemDisk, folder: dataDir.binlogs, storeId, logger: silentLogger }
  const store = await Store.open(options)
  for (const name of REAL_FILE_NAMES) {
    const bytes = fixture(name)
    const purged = name === REAL_FILE_NAMES[0] ? previousOf(bytes) : undefined
    store.commit(await store.beginFile(beginOf(nameOf(name), purged)))
    const end = name === REAL_FILE_NAMES.at(-1) ? (to ?? bytes.length) : bytes.length
    for (const chunk of chunksOf(bytes, 4, end, [150, 300, 777, 778])) await store.append(chunk)
    store.commit(await store.sync())
  }
  return { dataDir, store }
}

function previousOf(bytes: Buffer): GtidSet {
  const at = 4 + readEventHeader(bytes, 4).size
  return decodePreviousGtids(bytes.subarray(at, at + readEventHeader(bytes, at).size), 'CRC32')
}

async function verify(path = folder, from?: string, disk = systemDisk): Promise<VerifyReport> {
  return await verifyDataDir({ disk, clock: systemClock, dataDir: path, from, progress: () => {} })
}

const damagesOf = ({ files, damages }: VerifyReport): string[] =>
  [...files.flatMap((file) => file.damages), ...damages].map(damageText)

const noticesOf = ({ files, notices }: VerifyReport): string[] => [
  ...files.flatMap((file) => file.notices),
  ...notices,
]

const pathOf = (number: string): string => join(folder, 'binlogs', `binlog.${number}`)

function change(path: string, edit: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(path)
  writeFileSync(path, edit(bytes) ?? bytes)
}

const flip = (path: string, at: number): void =>
  change(path, (bytes) => void (bytes[at] = (bytes[at] ?? 0) ^ 0x10))

describe('a directory that is whole', () => {
  test('has every byte verified and nothing found, and nothing changed', async () => {
    const before = await contents()
    const report = await verify()
    expect(damagesOf(report)).toEqual([])
    expect(noticesOf(report)).toEqual([])
    expect(report.mode).toBe('offline')
    expect(report.files.map(({ verifiedTo, size }) => verifiedTo - size)).toEqual(
      REAL_FILE_NAMES.map(() => 0),
    )
    expect(report.files.map(({ transactions }) => transactions)).toEqual([4, 6, 4, 15, 1, 7])
    expect(await contents()).toEqual(before)
  })

  test('can be verified from a file on', async () => {
    const report = await verify(folder, 'binlog.000005')
    expect(report.files.map(({ name }) => name)).toEqual(REAL_FILE_NAMES.slice(3).map(nameOf))
    expect(damagesOf(report)).toEqual([])
    await expect(verify(folder, 'binlog.000099')).rejects.toMatchObject({ code: 'E_FILE_UNKNOWN' })
  })

  test('is not disturbed while a process has it, and is verified as far as it is durable', async () => {
    const live = temporaryFolder('verify-live')
    const bytes = fixture(REAL_FILE_NAMES.at(-1) ?? '')
    const { dataDir, store } = await filled(live, bytes.length - 100)
    writeFileSync(join(dataDir.binlogs, 'origin.json.new'), 'half')
    const report = await verify(live)
    expect(report.mode).toBe('live')
    expect(damagesOf(report)).toEqual([])
    expect(noticesOf(report)).toEqual([])
    expect(report.files.at(-1)?.verifiedTo).toBe(store.end?.boundary)
    for (const chunk of chunksOf(bytes, bytes.length - 100, bytes.length, []))
      await store.append(chunk)
    store.commit(await store.sync())
    expect((await verify(live)).files.at(-1)?.verifiedTo).toBe(bytes.length)
    await store.close()
    await dataDir.release()
    expect((await verify(live)).mode).toBe('offline')
  })

  test('may grow between a look at the file and one at its index', async () => {
    const live = temporaryFolder('verify-live')
    const newest = REAL_FILE_NAMES.at(-1) ?? ''
    const bytes = fixture(newest)
    const { dataDir, store } = await filled(live, bytes.length - 100)
    const paths = [nameOf(newest), `${nameOf(newest)}.idx`].map((name) =>
      join(dataDir.binlogs, name),
    )
    const before = paths.map((path) => readFileSync(path))
    for (const chunk of chunksOf(bytes, bytes.length - 100, bytes.length, []))
      await store.append(chunk)
    store.commit(await store.sync())
    await store.close()
    const after = paths.map((path) => readFileSync(path))
    paths.forEach((path, at) => truncateSync(path, before[at]?.length))
    // The lock is held still, and between two reads all has come that a busy node wrote.
    let reads = 0
    const growing = new CrashDisk()
    growing.onRead = (path) => {
      if (path !== paths[1]) return
      reads += 1
      if (reads === 1) paths.forEach((each, at) => writeFileSync(each, after[at] ?? ''))
    }
    const report = await verify(live, undefined, growing.disk)
    expect(reads).toBeGreaterThan(1)
    expect(report.mode).toBe('live')
    expect(damagesOf(report)).toEqual([])
    expect(report.files.at(-1)).toMatchObject({ size: bytes.length, verifiedTo: bytes.length })
    await dataDir.release()
  })
})

async function contents(): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true })
  const files = names.filter((name) => /\.|lock/.test(name))
  return new Map(files.map((name) => [name, readFileSync(join(folder, name)).toString('hex')]))
}

describe('damage of a file', () => {
  test('in an event is told once, with the transaction', async () => {
    flip(pathOf('000005'), 1610)
    expect(damagesOf(await verify())).toEqual([
      'binlog.000005: position 1588: the checksum of the WRITE_ROWS event is wrong, ' +
        `in transaction ${UUID}:16 (begins at 1360)`,
    ])
  })

  test('that no event shows is shown by the index', async () => {
    // The server says that a file is in use in a flag that the event's checksum leaves out.
    change(pathOf('000005'), (bytes) => void bytes.writeUInt16LE(1, 4 + 17))
    expect(damagesOf(await verify())).toEqual([
      'binlog.000005: position 4: the bytes up to 150 are true events, but not those that were stored',
    ])
  })

  test('by a tail that is cut off', async () => {
    truncateSync(pathOf('000005'), 1660)
    expect(damagesOf(await verify())[0]).toBe(
      'binlog.000005: position 1632: the file ends inside the QUERY event, which has 99 bytes, ' +
        `in transaction ${UUID}:16 (begins at 1360)`,
    )
    expect(damagesOf(await verify())).toContain(
      'binlog.000005: position 4197: the file has 1660 bytes, and 4197 were stored',
    )
  })

  test('that is the last one and lost bytes that its index speaks of', async () => {
    const size = fixture(REAL_FILE_NAMES.at(-1) ?? '').length
    truncateSync(pathOf('000007'), size - 20)
    expect(damagesOf(await verify())).toContain(
      `binlog.000007: position ${size - 20}: the file ends there, and ${size} bytes were stored`,
    )
  })

  test('whose PREVIOUS_GTIDS are wrong', async () => {
    change(pathOf('000005'), (bytes) => {
      const at = 127
      const { size, ...header } = readEventHeader(bytes, at)
      const set = previousOf(bytes)
      set.add({ origin: UUID, gno: 999n })
      set.removeAll(GtidSet.parse(`${UUID}:3`))
      const event = encodePreviousGtids(set, { ...header, checksum: 'CRC32' })
      return Buffer.concat([bytes.subarray(0, at), event, bytes.subarray(at + size)])
    })
    expect(damagesOf(await verify())).toContain(
      `binlog.000005: position 4: its PREVIOUS_GTIDS names ${UUID}:999, which no file up to ` +
        'binlog.000004 has; bring back the file that is missing',
    )
  })
})

describe('damage that hides a GTID', () => {
  test('is told once: nothing is said of the files behind it', async () => {
    flip(pathOf('000004'), 400)
    expect(damagesOf(await verify())).toEqual([
      expect.stringMatching(
        /^binlog\.000004: position 362: the checksum of the GTID event is wrong/,
      ),
    ])
  })
})

describe('what cannot be read is damage', () => {
  test('when it is no file', async () => {
    rmSync(pathOf('000004'))
    mkdirSync(pathOf('000004'))
    rmSync(`${pathOf('000006')}.idx`)
    mkdirSync(`${pathOf('000006')}.idx`)
    expect(damagesOf(await verify())).toEqual([
      'binlog.000006.idx: position 0: it cannot be read (EISDIR)',
      'binlog.000004: position 0: it cannot be read (EISDIR)',
    ])
  })

  test('from the place on where the disk fails', async () => {
    const failing = new CrashDisk()
    failing.onWasRead = (path, bytes) => {
      if (!path.endsWith('/binlog.000005') || bytes.length <= 4) return
      throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    }
    const report = await verify(folder, undefined, failing.disk)
    expect(damagesOf(report)[0]).toBe(
      'binlog.000005: position 4: what is there cannot be read (EIO)',
    )
    expect(report.files.map(({ name }) => name)).toContain('binlog.000007')
  })
})

describe('the chain', () => {
  test('that ends too early is noticed by its last index', async () => {
    for (const end of ['', '.idx']) rmSync(`${pathOf('000007')}${end}`)
    const report = await verify()
    expect(damagesOf(report)).toEqual([])
    expect(noticesOf(report)).toEqual([
      expect.stringMatching(/^binlog\.000006: its index is closed, .* and none is there; /),
    ])
  })

  test('names a file that is missing in it, and what it held', async () => {
    for (const end of ['', '.idx']) rmSync(`${pathOf('000004')}${end}`)
    const damages = damagesOf(await verify())
    expect(damages[0]).toMatch(
      /^binlog\.000005: position 4: it does not follow binlog\.000003: \d+ records are missing/,
    )
    expect(damages[1]).toBe(
      `binlog.000005: position 4: its PREVIOUS_GTIDS names ${UUID}:9-11:alpha:3, which no file up to ` +
        'binlog.000003 has; bring back the file that is missing',
    )
  })

  test('names a GTID that is there twice', async () => {
    for (const end of ['', '.idx']) rmSync(`${pathOf('000005')}${end}`)
    copyFileSync(pathOf('000004'), pathOf('000005'))
    expect(damagesOf(await verify())).toContain(
      `binlog.000005: position 362: the GTID ${UUID}:9 was there before, ` +
        `in transaction ${UUID}:9 (begins at 362)`,
    )
  })
})

describe('an index', () => {
  test('that is lost would be made anew, and is no damage', async () => {
    rmSync(`${pathOf('000005')}.idx`)
    const report = await verify()
    expect(damagesOf(report)).toEqual([])
    expect(noticesOf(report)).toEqual([
      'binlog.000005.idx: lost, would be rebuilt from the file at the next start',
    ])
    expect(report.files[3]?.index).toBe('lost')
  })

  test('of another file is named', async () => {
    const [one, other] = [`${pathOf('000004')}.idx`, `${pathOf('000005')}.idx`]
    renameSync(one, `${one}.kept`)
    renameSync(other, one)
    renameSync(`${one}.kept`, other)
    expect(damagesOf(await verify())).toEqual([
      'binlog.000004.idx: position 0: it is the index of binlog.000005',
      'binlog.000005.idx: position 0: it is the index of binlog.000004',
    ])
  })

  test('with an entry that is not true is named with its byte', async () => {
    const path = `${pathOf('000005')}.idx`
    const size = readFileSync(path).length
    flip(path, size - 100)
    const damages = damagesOf(await verify())
    expect(damages).toHaveLength(1)
    expect(damages[0]).toMatch(
      /^binlog\.000005\.idx: position \d+: no true entry is there, and \d+ bytes follow$/,
    )
  })

  test('of another store is named', async () => {
    change(join(folder, 'identity.json'), (bytes) => {
      const identity = decodeCheckedJson(bytes.toString())
      return Buffer.from(JSON.stringify({ ...identity, storeId: '0'.repeat(8) + UUID.slice(8) }))
    })
    expect(damagesOf(await verify())[0]).toMatch(
      /^binlog\.000002\.idx: position 0: it belongs to another store \(/,
    )
  })
})

describe('a small file', () => {
  test('with a digit that is another one is named with its remedy', async () => {
    const file = { formatVersion: 1, known: 4711, other: { promised: 7 } }
    const names = ['desired', 'replicas', 'cluster', 'cluster-store', 'binlogs/log'] as const
    const member = ['etcd-member/joined', 'etcd-member/config'] as const
    const files = [...names, ...member].map((name) => `${name}.json`)
    mkdirSync(join(folder, 'etcd-member'))
    const indexes = readdirSync(join(folder, 'binlogs'))
    for (const name of files) writeFileSync(join(folder, name), encodeCheckedJson(file))
    expect(damagesOf(await verify())).toEqual([])
    for (const name of [...files, 'binlogs/origin.json', 'identity.json']) {
      change(join(folder, name), (bytes) => {
        const at = bytes.toString().search(/[0-8],?\n/)
        bytes[at] = (bytes[at] ?? 0) ^ 1
      })
    }
    const damages = damagesOf(await verify())
    for (const name of [...files, 'binlogs/origin.json']) {
      expect(damages).toContainEqual(
        expect.stringMatching(`^${name}: position 0: its content is not the one that .*; `),
      )
    }
    expect(damages).toContainEqual(
      expect.stringMatching(/^identity\.json: .* its content is not the one .*; restore it from a/),
    )
    expect(damages).toHaveLength(files.length + 2)
    expect(readdirSync(join(folder, 'binlogs'))).toEqual([...indexes, 'log.json'].sort())
  })
})

describe('what the next start mends is no damage', () => {
  test('a torn tail', async () => {
    const size = fixture(REAL_FILE_NAMES.at(-1) ?? '').length
    change(pathOf('000007'), (bytes) => Buffer.concat([bytes, Buffer.alloc(500, 7)]))
    const report = await verify()
    expect(damagesOf(report)).toEqual([])
    expect(noticesOf(report)).toEqual([
      `binlog.000007: position ${size}: 500 bytes at its end are torn; the next start cuts them away`,
    ])
  })

  test.each([
    ['the newest index', '000007', 'cuts them away'],
    ['an index that was being closed', '000006', 'completes it from the file'],
  ])('a torn end of %s', async (_, number, mended) => {
    change(`${pathOf(number)}.idx`, (bytes) => bytes.subarray(0, bytes.length - 7))
    const report = await verify()
    expect(damagesOf(report)).toEqual([])
    const what = `binlog\\.${number}\\.idx: position \\d+: \\d+ bytes at its end are torn; the next start ${mended}`
    expect(noticesOf(report)).toEqual([expect.stringMatching(new RegExp(`^${what}$`))])
  })

  test.each([0, 4])('a file of %i bytes that was never begun', async (size) => {
    writeFileSync(pathOf('000008'), Buffer.alloc(size))
    const report = await verify()
    expect(damagesOf(report)).toEqual([])
    expect(noticesOf(report)).toEqual(['binlog.000008: was never begun; the next start removes it'])
  })

  test('files that are not its own', async () => {
    writeFileSync(join(folder, 'binlogs', 'notes.txt'), 'x')
    writeFileSync(`${pathOf('000001')}.idx`, 'x')
    expect(noticesOf(await verify()).sort()).toEqual([
      'binlog.000001.idx: not a file of the store, the index of a file that is gone: ' +
        'the next start removes it',
      'notes.txt: not a file of the store, left alone',
    ])
  })
})

test('a folder that is no data directory is refused', async () => {
  await expect(verify(join(folder, 'binlogs'))).rejects.toMatchObject({
    code: 'E_DATA_DIR_INVALID',
  })
})
