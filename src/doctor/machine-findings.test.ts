import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Key, loadConfig } from '../config/index.ts'
import {
  type Disk,
  type Machine,
  makeServerCertificate,
  systemClock,
  systemDisk,
  systemMachine,
  systemRandom,
} from '../platform/index.ts'
import { temporaryFolder } from '../platform/testing/temporary-folder.ts'
import { openDataDir } from '../store/index.ts'
import type { CheckId, DoctorFinding } from './checks.ts'
import { mountOf } from './mounts.ts'
import { checkNode, checkOpenFiles } from './process-room.ts'
import { runDoctor } from './run-doctor.ts'

const GIB = 1024 ** 3
const DAY_MS = 86_400_000

let folder = ''
let dataDir = ''
beforeEach(() => {
  folder = temporaryFolder('doctor')
  dataDir = join(folder, 'data')
})

interface Given {
  readonly settings?: Partial<Record<Key, string>>
  readonly disk?: Partial<Disk>
  readonly machine?: Partial<Machine>
  readonly environment?: Record<string, string>
}

async function examine(given: Given = {}): Promise<ReadonlyMap<CheckId, DoctorFinding>> {
  const settings = {
    'data-dir': dataDir,
    'serve.listen': '127.0.0.1:0',
    'admin.listen': '127.0.0.1:0',
    'disk.min-free': '1MiB',
    ...given.settings,
  }
  const environment = given.environment ?? {}
  const found = await runDoctor({
    loaded: await loadConfig(systemDisk, {
      file: undefined,
      environment,
      flags: new Map(Object.entries(settings) as [Key, string][]),
    }),
    environment,
    disk: { ...systemDisk, ...given.disk },
    clock: systemClock,
    random: systemRandom,
    machine: { ...systemMachine, ...given.machine },
  })
  const ids = found.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  return new Map(found.map((finding) => [finding.id, finding]))
}

async function severityOf(id: CheckId, given: Given = {}): Promise<string | undefined> {
  return (await examine(given)).get(id)?.severity
}

function clusterSettings(initialCluster: string): Partial<Record<Key, string>> {
  return {
    name: 'one',
    'cluster.peer-url': 'http://127.0.0.1:9600',
    'cluster.initial-cluster': initialCluster,
    'cluster.secret-file': file('secret', 'sixteen or more of them'),
  }
}

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, text, { mode })
  chmodSync(path, mode)
  return path
}

describe('the data directory', () => {
  test('that is not there yet is not made, and nothing is left where it would be', async () => {
    const found = await examine()
    expect(found.get('data-dir')).toMatchObject({
      severity: 'ok',
      found: expect.stringMatching(/made at the first start/),
    })
    expect(found.get('disk.speed')?.found).toMatch(/durable in \d+\.\d+ ms/)
    expect(readdirSync(folder)).toEqual([])
  })

  test('of a running node is told apart from a free one', async () => {
    const open = await openDataDir({ disk: systemDisk, random: systemRandom, path: dataDir })
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const settings = { 'serve.listen': `127.0.0.1:${port}` }
    const beside = await examine({ settings })
    expect(beside.get('data-dir.in-use')).toMatchObject({
      severity: 'note',
      found: expect.stringMatching(/running node/),
    })
    expect(beside.get('serve.listen')).toMatchObject({
      severity: 'ok',
      found: expect.stringMatching(/node that runs/),
    })
    await open.release()
    const alone = await examine({ settings })
    expect(alone.get('data-dir.in-use')?.severity).toBe('ok')
    expect(alone.get('serve.listen')).toMatchObject({
      severity: 'problem',
      remedy: expect.stringMatching(/ss -ltnp/),
    })
    await new Promise((resolve) => taken.close(resolve))
  })

  test('of a cluster’s node is not for one that is alone', async () => {
    const open = await openDataDir({ disk: systemDisk, random: systemRandom, path: dataDir })
    await open.release()
    expect((await examine()).get('data-dir.cluster')?.severity).toBe('ok')
    mkdirSync(open.binlogs, { recursive: true })
    writeFileSync(join(open.binlogs, 'log.json'), '{}')
    expect((await examine()).get('data-dir.cluster')).toMatchObject({
      severity: 'problem',
      found: expect.stringContaining(dataDir),
      remedy: expect.stringMatching(/set cluster\.\*/),
    })
    const settings = clusterSettings('one=http://127.0.0.1:9600,two=http://127.0.0.1:9700')
    expect(await severityOf('data-dir.cluster', { settings })).toBe('ok')
  })

  test('with files of a node that was alone begins a cluster alone, and joins none', async () => {
    const settings = clusterSettings('one=http://127.0.0.1:9600')
    expect(await severityOf('data-dir.cluster', { settings })).toBe('ok')
    const open = await openDataDir({ disk: systemDisk, random: systemRandom, path: dataDir })
    await open.release()
    mkdirSync(open.binlogs, { recursive: true })
    writeFileSync(join(open.binlogs, 'binlog.000001'), '')
    const { severity, found } = (await examine({ settings })).get('data-dir.cluster') ?? {}
    expect([severity, found]).toEqual(['ok', expect.stringMatching(/1 binlog files.*become/)])
    const several = clusterSettings('one=http://127.0.0.1:9600,two=http://127.0.0.1:9700')
    const existing = { ...settings, 'cluster.initial-cluster-state': 'existing' }
    for (const wrong of [several, existing]) {
      expect((await examine({ settings: wrong })).get('data-dir.cluster')).toMatchObject({
        severity: 'problem',
        remedy: expect.stringMatching(/kingbus members add/),
      })
    }
  })

  test('that others may look into, or that is another user’s, is a warning with the command', async () => {
    mkdirSync(dataDir, { mode: 0o755 })
    chmodSync(dataDir, 0o755)
    const open = (await examine()).get('data-dir')
    expect(open).toMatchObject({ severity: 'warning', remedy: `chmod 700 ${dataDir}` })
    chmodSync(dataDir, 0o700)
    expect(await severityOf('data-dir')).toBe('ok')
    expect(await severityOf('data-dir', { machine: { userId: 4711 } })).toBe('warning')
  })

  test('that is a file, of another format or not writable is a problem', async () => {
    dataDir = file('plain', '')
    expect(await severityOf('data-dir')).toBe('problem')
    dataDir = join(dataDir, 'inside-a-file')
    expect(await severityOf('data-dir')).toBe('problem')
    dataDir = join(folder, 'other')
    mkdirSync(dataDir, { mode: 0o700 })
    writeFileSync(join(dataDir, 'identity.json'), '{"formatVersion": 99}')
    expect((await examine()).get('data-dir')).toMatchObject({
      severity: 'problem',
      found: expect.stringMatching(/99/),
    })
    dataDir = join(folder, 'unwritable')
    const open: Disk['open'] = async () => {
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
    }
    expect((await examine({ disk: { open } })).get('data-dir')).toMatchObject({
      severity: 'problem',
      remedy: expect.stringMatching(/chown/),
    })
  })

  test('without the room of disk.min-free is a problem, and a retention beyond the disk a warning', async () => {
    const space = async () => ({ totalBytes: 100 * GIB, freeBytes: 2 * GIB, isReadOnly: false })
    const disk = { space }
    const tight = await examine({ disk, settings: { 'disk.min-free': '3GiB' } })
    expect(tight.get('disk.space')?.severity).toBe('problem')
    expect(tight.get('retention')?.severity).toBe('note')
    const settings = { 'retention.max-size': '100GiB' }
    const wide = await examine({ disk, settings })
    expect(wide.get('disk.space')?.severity).toBe('ok')
    expect(wide.get('retention')?.severity).toBe('warning')
  })

  test.each([
    ['tmpfs', 'warning'],
    ['nfs4', 'warning'],
    ['overlay', 'warning'],
    ['xfs', 'ok'],
  ])('on %s is judged %s', async (type, severity) => {
    const readFile: Disk['readFile'] = async (path) =>
      path === '/proc/self/mountinfo'
        ? Buffer.from(`1 0 8:1 / / rw - ${type} /dev/x rw\n`)
        : await systemDisk.readFile(path)
    expect(await severityOf('disk.file-system', { disk: { readFile } })).toBe(severity)
  })

  test('is looked up by the longest mount point, with spaces in it', () => {
    const table =
      '1 0 8:1 / / rw shared:1 - ext4 /dev/a rw\n' +
      '2 1 8:2 / /var/my\\040disk rw - xfs /dev/b rw\n' +
      '3 1 8:3 / /var rw - btrfs /dev/c rw\n'
    expect(mountOf(table, '/var/my disk/data')?.type).toBe('xfs')
    expect(mountOf(table, '/var/my disks')?.type).toBe('btrfs')
    expect(mountOf(table, '/variable')?.type).toBe('ext4')
  })
})

describe('a slow disk', () => {
  test('is a warning with the commits that it allows, and leaves no file when it fails', async () => {
    const slow: Disk['open'] = async (path, mode) => {
      const opened = await systemDisk.open(path, mode)
      const sync = opened.sync.bind(opened)
      opened.sync = async () => {
        await systemClock.sleep(12)
        await sync()
      }
      return opened
    }
    const found = (await examine({ disk: { open: slow } })).get('disk.speed')
    expect(found).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(/about \d\d commits\/s/),
    })
    const broken: Disk['open'] = async (path, mode) => {
      const opened = await systemDisk.open(path, mode)
      opened.sync = () => Promise.reject(new Error('EIO'))
      return opened
    }
    await expect(examine({ disk: { open: broken } })).rejects.toThrow('EIO')
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('the process', () => {
  test('with few files, little memory or another Node.js is told', async () => {
    expect(checkOpenFiles(1024)).toMatchObject({
      found: expect.stringMatching(/1024 files, enough for 384 connections/),
      severity: 'warning',
      remedy: expect.stringMatching(/LimitNOFILE=/),
    })
    expect(checkOpenFiles(65_536).severity).toBe('ok')
    expect(await severityOf('memory', { machine: { memoryBytes: 2 ** 28 } })).toBe('warning')
    expect(await severityOf('memory')).toBe('ok')
    expect(await severityOf('open-files')).toMatch(/ok|warning/)
    expect(await severityOf('log.level', { settings: { 'log.level': 'debug' } })).toBe('note')
  })

  test.each([
    ['20.18.3', 'problem'],
    ['20.19.0', 'ok'],
    ['21.7.0', 'problem'],
    ['22.12.0', 'ok'],
    ['23.1.0', 'problem'],
    ['24.0.0', 'ok'],
    ['26.1.0', 'ok'],
  ])('on Node.js %s is judged %s', (nodeVersion, severity) => {
    expect(checkNode({ nodeVersion }).severity).toBe(severity)
  })

  test('whose address is not of this machine is told to take another', async () => {
    const settings = { 'serve.listen': '192.0.2.1:3390' }
    expect((await examine({ settings })).get('serve.listen')).toMatchObject({
      severity: 'problem',
      remedy: expect.stringMatching(/ip address/),
    })
  })
})

describe('certificates', () => {
  async function pair(days: number): Promise<Given> {
    const made = await makeServerCertificate({
      commonName: 'test',
      notBeforeMs: Date.now() - 400 * DAY_MS,
      notAfterMs: Date.now() + days * DAY_MS,
    })
    const cert = file(`cert${days}`, made.certificate)
    const key = file(`key${days}`, made.key)
    return { settings: { 'serve.cert-file': cert, 'serve.key-file': key } }
  }

  test('are judged by the days that they are still valid', async () => {
    expect(await severityOf('serve.certificate')).toBe('ok')
    expect(await severityOf('serve.certificate', await pair(90))).toBe('ok')
    expect((await examine(await pair(10))).get('serve.certificate')).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(/expires in \d+ days/),
    })
    expect((await examine(await pair(-10))).get('serve.certificate')).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(/has expired/),
    })
  })

  test('whose key is another’s, unreadable or everybody’s are told', async () => {
    const [one, other] = [await pair(90), await pair(91)]
    const mixed = { ...one.settings, 'serve.key-file': other.settings?.['serve.key-file'] ?? '' }
    expect((await examine({ settings: mixed })).get('serve.certificate')).toMatchObject({
      severity: 'problem',
      found: expect.stringMatching(/not the key/),
    })
    const noPem = { ...one.settings, 'serve.cert-file': file('no.pem', 'no certificate') }
    expect(await severityOf('serve.certificate', { settings: noPem })).toBe('problem')
    const gone = { ...one.settings, 'serve.key-file': join(folder, 'gone') }
    expect(await severityOf('serve.certificate', { settings: gone })).toBe('problem')
    chmodSync(one.settings?.['serve.key-file'] ?? '', 0o644)
    expect(await severityOf('serve.certificate', one)).toBe('warning')
  })

  test('of the HTTP API are looked at too', async () => {
    const { settings } = await pair(90)
    const admin = {
      'admin.cert-file': settings?.['serve.cert-file'] ?? '',
      'admin.key-file': settings?.['serve.key-file'] ?? '',
    }
    expect((await examine({ settings: admin })).get('admin.certificate')?.found).toMatch(/until/)
  })
})

describe('files with secrets', () => {
  test('that others can read are a problem, and the source is not tried without its password', async () => {
    const settings = {
      'source.url': 'mysql://repl@127.0.0.1:1',
      'source.password-file': file('pw', 's3cret', 0o644),
    }
    const found = await examine({ settings })
    expect(found.get('secrets')).toMatchObject({
      severity: 'problem',
      found: expect.stringMatching(/chmod 600/),
    })
    expect(found.get('source.login')).toMatchObject({
      severity: 'problem',
      found: expect.stringMatching(/not tried/),
    })
    expect(JSON.stringify([...found])).not.toContain('s3cret')
  })

  test('with users are read as a start reads them', async () => {
    expect(await severityOf('users')).toBe('warning')
    const users = (text: string): Given => ({ settings: { 'serve.users-file': file('u', text) } })
    expect(await severityOf('users', users('- {name: a'))).toBe('problem')
    expect(await severityOf('users', users('- {name: a, password: b}'))).toBe('note')
    expect(await severityOf('users', users('- {name: a, password: b, rights: [monitor]}'))).toBe(
      'warning',
    )
    const certified = users('- {name: a, password: b, require-certificate: true}')
    expect(await severityOf('users', certified)).toBe('problem')
    const hash = `*${'A'.repeat(40)}`
    expect(await severityOf('users', users(`- {name: a, password-hash: "${hash}"}`))).toBe('ok')
    expect(existsSync(dataDir)).toBe(false)
  })
})

describe('a source', () => {
  test('that is not configured is a note', async () => {
    expect(await severityOf('source.url')).toBe('note')
  })

  test('that nobody listens for is a problem with a remedy, and the rest is still looked at', async () => {
    const environment = { KINGBUS_SOURCE_PASSWORD: 'x' }
    const settings = { 'source.url': 'mysql://repl@127.0.0.1:1' }
    const found = await examine({ settings, environment })
    expect(found.get('source.reach')).toMatchObject({
      severity: 'problem',
      remedy: expect.stringMatching(/bind_address/),
    })
    expect(found.get('secrets')?.severity).toBe('ok')
    const empty = await examine({ settings })
    expect(empty.get('secrets')).toMatchObject({
      severity: 'note',
      found: expect.stringMatching(/empty/),
    })
  })
})
