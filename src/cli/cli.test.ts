import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type AdminApp,
  buildAdmin,
  listenAdmin,
  type NodeFace,
  type SwitchRequest,
  type SwitchResult,
} from '../admin/index.ts'
import { exampleNode, exampleStatus, exampleSwitch } from '../admin/testing/example-node.ts'
import { MemoryCluster } from '../admin/testing/memory-cluster.ts'
import { silentLogger } from '../lib/index.ts'
import { systemDisk } from '../platform/index.ts'
import { privateFile } from '../platform/testing/private-file.ts'
import { kingbus } from './testing/run-cli.ts'

let folder = ''
let app: AdminApp | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kingbus-cli-'))
})
afterEach(async () => {
  await app?.close()
  app = undefined
})

async function startNode(node: Partial<NodeFace> = {}, token?: string): Promise<string> {
  app = await buildAdmin({
    node: { ...exampleNode, ...node },
    version: '1.2.3',
    log: silentLogger,
    token,
    tls: undefined,
    onBug: (bug) => {
      throw bug
    },
  })
  return await listenAdmin(app, { host: '127.0.0.1', port: 0 })
}

describe('a running node', () => {
  test('is described in words and, for scripts, as the API answers', async () => {
    const url = await startNode()
    const words = await kingbus(`status --admin ${url}`)
    expect(words.code).toBe(0)
    expect(words.out).toMatch(/source +db\.example:3306, waiting\n +connection refused \[E_/)
    expect(words.out).toMatch(/visible end +binlog\.000002:1200/)
    const json = await kingbus('status --json', { environment: { KINGBUS_ADMIN: url } })
    expect(JSON.parse(json.out)).toEqual(exampleStatus)
  })

  test('whose source needs the operator makes status end with 1', async () => {
    const source = { ...exampleStatus.source, state: 'failed' as const }
    const url = await startNode({ status: async () => ({ ...exampleStatus, source }) })
    expect((await kingbus(`status --admin ${url}`)).code).toBe(1)
  })

  test('lists files and replicas with aligned columns', async () => {
    const url = await startNode()
    expect((await kingbus(`files --admin ${url}`)).out).toMatch(/binlog\.000002 +1200 .*active/)
    expect((await kingbus(`replicas --admin ${url}`)).out).toMatch(
      /10\.0\.0\.7:51244 +12 +- +binlog\.000002 +1000 +sending +200/,
    )
  })

  test('is told to stop and start its source', async () => {
    const calls: string[] = []
    const url = await startNode({
      startSource: async () => {
        calls.push('start')
        return exampleStatus.source
      },
      stopSource: async () => {
        calls.push('stop')
        return exampleStatus.source
      },
    })
    await kingbus(`source stop --admin ${url}`)
    expect((await kingbus(`source start --admin ${url}`)).out).toMatch(/state +waiting/)
    await kingbus(`source show --admin ${url}`)
    expect(calls).toEqual(['stop', 'start'])
  })

  test('is given other settings of its source, and the password never by a flag', async () => {
    const changes: unknown[] = []
    const url = await startNode({
      setSource: async (change) => {
        changes.push(change)
        return exampleStatus.source
      },
    })
    const set = async (args: string, environment = {}) =>
      await kingbus(`source set ${args} --admin ${url}`, { environment })
    const file = await privateFile(folder, 'password', 's3cret\n')
    const ran = await set(`--url mysql://r%40x@[::1] --password-file ${file} --server-id 7`)
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/begins at +oldest/) })
    await set('--semi-sync true --tls required', { KINGBUS_SOURCE_PASSWORD: 'other' })
    expect(changes).toEqual([
      { address: { host: '::1', port: 3306 }, user: 'r@x', password: 's3cret', replicaServerId: 7 },
      { semiSync: true, tls: 'required', password: 'other' },
    ])
    expect(await set('--password s3cret')).toMatchObject({ code: 78 })
    expect((await set('--url mysql://r:s3cret@db1')).error).toMatch(/E_SECRET_EXPOSED/)
    expect((await set('--tls perhaps')).error).toMatch(/--tls: must be one of .*E_CONFIG_INVALID/)
    expect((await set('--json')).error).toMatch(/nothing is given/)
    expect(changes).toHaveLength(2)
  })

  test('is switched to another source, or looked at whether it could be', async () => {
    const requests: SwitchRequest[] = []
    let refusal: SwitchResult['refusal'] = null
    const url = await startNode({
      switchSource: async (request) => {
        requests.push(request)
        const { dryRun } = request
        return { ...exampleSwitch, dryRun, switched: !dryRun, refusal }
      },
    })
    const environment = { KINGBUS_SOURCE_PASSWORD: 's3cret' }
    const ask = async (args: string) =>
      await kingbus(`source switch ${args} --admin ${url}`, { environment })
    const done = await ask('mysql://repl@db2 --tls required')
    expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/result +it is the source/) })
    expect(done.out).toMatch(/goes on in +a new file, binlog\.000003, from its binlog\.000001\n/)
    const looked = await ask('mysql://repl@db2 --dry-run --json')
    expect(JSON.parse(looked.out)).toEqual({ ...exampleSwitch, dryRun: true, switched: false })
    const to = { address: { host: 'db2', port: 3306 }, user: 'repl', password: 's3cret' }
    expect(requests).toEqual([
      { ...to, tls: 'required', dryRun: false },
      { ...to, dryRun: true },
    ])
    refusal = { code: 'E_SOURCE_OTHER', message: 'it lacks transactions' }
    expect(await ask('mysql://repl@db2 --dry-run')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/result +it lacks transactions \[E_SOURCE_OTHER\]/),
    })
    expect((await ask('mysql://repl:s3cret@db2')).error).toMatch(/E_SECRET_EXPOSED/)
    expect((await ask('db2')).error).toMatch(/URL: .*E_CONFIG_INVALID/)
    expect((await ask('mysql://repl@db2 --password s3cret')).code).toBe(78)
    expect(requests).toHaveLength(3)
  })

  test('shows its retention, and takes limits as the configuration has them', async () => {
    const changes: unknown[] = []
    const url = await startNode({ setRetention: async (change) => void changes.push(change) })
    const shown = await kingbus(`retention show --admin ${url}`)
    expect(shown.out).toMatch(/size at most +10\.0 GiB\nage at most +unlimited/)
    const set = async (args: string) => await kingbus(`retention set ${args} --admin ${url}`)
    expect((await set('--max-size 20GiB')).code).toBe(0)
    await set('--max-size unlimited --max-age 7d')
    expect(changes).toEqual([
      { maxSizeBytes: 21_474_836_480 },
      { maxSizeBytes: null, maxAgeMs: 604_800_000 },
    ])
    expect((await set('--max-age never')).error).toMatch(/--max-age: .*never.*E_CONFIG_INVALID/)
    expect((await set('--json')).code).toBe(78)
  })

  test('purges what was asked for, and says who keeps the rest and who loses', async () => {
    const asked: unknown[] = []
    const needs = 'binlog.000001'
    const loses = [{ uuid: 'aaaaaaaa-0000-4000-8000-000000000001', host: 'db7', needs }]
    const message = 'binlog.000002 is being read by nobody in particular'
    const obstacles = [{ kind: 'reader' as const, file: 'binlog.000002', who: 'x', message }]
    const purge: NodeFace['purge'] = async (wish) => {
      asked.push(wish)
      return { ...(await exampleNode.purge(wish)), asked: 2, obstacles, loses }
    }
    const url = await startNode({ purge })
    const dry = await kingbus(`purge --to binlog.000003 --dry-run --force --admin ${url}`)
    expect(dry.code).toBe(0)
    expect(dry.out).toMatch(/WOULD GO +BYTES\nbinlog\.000001 +5000\n1 of 2 files, .*would be rem/)
    expect(dry.out).toContain(`${message}\n`)
    expect(dry.out).toMatch(/aaaa.* \(db7\) would lose its place in binlog\.000001/)
    const done = await kingbus(`purge --before 2026-11-29T20:00:00+01:00 --admin ${url}`)
    expect(done.out).toMatch(/REMOVED +BYTES\n.*\n1 of 2 files, .*, removed\n/)
    expect(done.out).toContain('has lost its place in binlog.000001')
    expect(asked).toEqual([
      { to: 'binlog.000003', force: true, dryRun: true },
      { before: '2026-11-29T19:00:00.000Z', force: false, dryRun: false },
    ])
  })

  test('purges neither by two limits, nor by none, nor before a time that is none', async () => {
    const purge = async (): Promise<never> => await Promise.reject(new Error('it was asked'))
    const url = await startNode({ purge })
    for (const which of ['', ' --to binlog.000003 --before 7d', ' --before soon']) {
      const { code, out, error } = await kingbus(`purge${which} --admin ${url}`)
      expect(code).toBe(78)
      expect(`${out}${error}`).toMatch(/--to FILE or --before TIME|neither a time such as/)
    }
  })

  test('forgets a replica that is away, and says who still is', async () => {
    const forgotten: string[] = []
    const forgetReplica = async (name: string): Promise<void> => void forgotten.push(name)
    const url = await startNode({ forgetReplica })
    const { code, out } = await kingbus(`replicas forget db7 --admin ${url}`)
    expect(code).toBe(0)
    expect(forgotten).toEqual(['db7'])
    expect(out).toContain((await exampleNode.absentReplicas())[0]?.uuid)
  })

  test('of a cluster says who reads the source, and what keeps it out', async () => {
    const source = {
      ...exampleStatus.source,
      state: 'follower',
      leader: 'two',
      error: null,
    } as const
    const cluster = { leader: 'two', role: 'in-sync', epoch: 4, trouble: null } as const
    const shown = async (status: object) => {
      const url = await startNode({ status: async () => ({ ...exampleStatus, ...status }) })
      const ran = await kingbus(`status --admin ${url}`)
      await app?.close()
      return ran
    }
    const well = await shown({ source, cluster })
    expect(well.code).toBe(0)
    expect(well.out).toMatch(
      /cluster +in-sync; two leads, epoch 4\nsource +db\.example:3306, read by two\n/,
    )
    const none = { source: { ...source, leader: null }, cluster: { ...cluster, leader: null } }
    expect((await shown(none)).out).toMatch(/no node leads, epoch 4\nsource .*, and no node leads/)
    const trouble = { code: 'E_CLUSTER_STOPPED', message: 'the log differs' }
    const out = await shown({ source, cluster: { ...cluster, role: 'away', trouble } })
    expect(out.code).toBe(1)
    expect(out.out).toMatch(/cluster +away; .*\n +the log differs \[E_CLUSTER_STOPPED\]/)
    const alarm = { code: 'E_STORE_DAMAGED', message: 'it is damaged', file: 'f', from: 4, to: 9 }
    const damaged = await shown({ source, cluster, alarms: [alarm] })
    expect(damaged.code).toBe(1)
    expect(damaged.out).toMatch(/binlogs .*\n +it is damaged \[E_STORE_DAMAGED\]\n/)
  })

  test('that asks for a token gets it from a file', async () => {
    const url = await startNode({}, 'a-token-of-some-length')
    const file = await privateFile(folder, 'token', 'a-token-of-some-length\n')
    expect((await kingbus(`files --admin ${url}`)).code).toBe(77)
    expect((await kingbus(`files --admin ${url} --admin-token-file ${file}`)).code).toBe(0)
  })

  test('that is not there is told apart by code and exit code', async () => {
    const ran = await kingbus('status --admin 127.0.0.1:1')
    expect(ran.code).toBe(69)
    expect(ran.error).toMatch(/no node answers at http:\/\/127\.0\.0\.1:1: .*E_ADMIN_UNREACHABLE/)
  })
})

describe('a cluster', () => {
  test('is shown with its leader and every node', async () => {
    const url = await startNode({ cluster: new MemoryCluster() })
    const { code, out } = await kingbus(`cluster status --admin ${url}`)
    expect(code).toBe(0)
    expect(out).toMatch(/leader +one\nepoch +4\ncommitted +binlog\.000002:1200 \(12\)/)
    expect(out).toMatch(/two +in-sync +4 +12 +binlog\.000002:1200 +127\.0\.0\.1:3390/)
    const json = JSON.parse((await kingbus(`cluster status --json --admin ${url}`)).out)
    expect(json).toEqual(await new MemoryCluster().status())
  })

  test('without a leader makes cluster status end with 1', async () => {
    const cluster = new MemoryCluster()
    cluster.loseLeader()
    const ran = await kingbus(`cluster status --admin ${await startNode({ cluster })}`)
    expect(ran).toMatchObject({ code: 1, out: expect.stringMatching(/leader +none/) })
  })

  test('is shown with what the check of files has found', async () => {
    const cluster = new MemoryCluster()
    cluster.damaged = 'two'
    const ran = await kingbus(`cluster status --admin ${await startNode({ cluster })}`)
    expect(ran.out).toMatch(
      /\nalarm +binlog\.000001 of two is damaged between its bytes 4 and 120 \[E_STORE_DAMAGED\]\n$/,
    )
  })

  test('gets, moves and loses members, and another leader', async () => {
    const url = await startNode({ cluster: new MemoryCluster() })
    const members = async (args: string) => await kingbus(`members ${args} --admin ${url}`)
    expect((await members('list')).out).toMatch(/ one +voter +http:\/\/127\.0\.0\.1:9600 .*leader/)
    const added = await members('add four https://d.example:9600 --observer')
    expect(added.out).toMatch(/ four +observer +https:\/\/d\.example:9600 +-/)
    expect((await members('add five https://e.example:9600')).out).toMatch(/ five +voter /)
    const moved = await members('update four https://d.example:9700')
    expect(moved.out).toMatch(/ four +observer +https:\/\/d\.example:9700/)
    expect((await members('lead two')).out).toMatch(/ two +voter .*leader/)
    expect((await members('remove four')).out).not.toContain('four')
    expect(JSON.parse((await members('list --json')).out)).toHaveLength(4)
  })

  test('refuses with the reason', async () => {
    const url = await startNode({ cluster: new MemoryCluster() })
    const refused = { code: 77, error: expect.stringMatching(/one leads: hand over.*E_ADMIN_REF/) }
    expect(await kingbus(`members remove one --admin ${url}`)).toMatchObject(refused)
    expect((await kingbus(`members lead a/b --admin ${url}`)).error).toContain('no node a/b')
    expect((await kingbus(`members add x http://d.example:1 --admin ${url}`)).error).toContain(
      'write https://d.example:1',
    )
    expect((await kingbus(`members add x --admin ${url}`)).code).toBe(64)
  })

  test('of one is what a node alone is', async () => {
    const url = await startNode()
    expect((await kingbus(`cluster status --admin ${url}`)).out).toMatch(/one +leader +0 +12/)
    expect((await kingbus(`members remove one --admin ${url}`)).error).toMatch(/part of no cluster/)
  })
})

describe('users', () => {
  test('are added by a password typed twice, listed, and removed', async () => {
    const at = `--data-dir ${folder}`
    const added = await kingbus(`user add repl ${at}`, { answers: ['s3cret', 's3cret'] })
    expect(added).toMatchObject({ code: 0, out: `added repl to ${folder}/users.yaml\n` })
    expect(await readFile(join(folder, 'users.yaml'), 'utf8')).not.toContain('s3cret')
    expect((await kingbus(`user list ${at}`)).out).toMatch(/repl +replicate +hash/)
    expect((await kingbus(`user remove repl ${at}`)).code).toBe(0)
    expect((await kingbus(`user remove repl ${at}`)).code).toBe(67)
  })

  test('of a running node are changed by it, where it is named and their file is not', async () => {
    const calls: unknown[] = []
    const url = await startNode({
      addUser: async (user) => void calls.push(user),
      removeUser: async (name) => void calls.push(name),
    })
    const file = await privateFile(folder, 'password', 's3cret\n')
    const add = `user add repl --password-file ${file}`
    const added = await kingbus(`${add} --admin ${url}`)
    expect(added.out).toBe(`added repl to the users of the node at ${url}\n`)
    const environment = { KINGBUS_ADMIN: url }
    expect((await kingbus('user list', { environment })).out).toMatch(/repl +replicate/)
    await kingbus('user remove repl', { environment })
    const users = join(folder, 'users.yaml')
    await kingbus(`${add} --users-file ${users}`, { environment })
    expect(await readFile(users, 'utf8')).toContain('repl')
    expect((await kingbus(`${add} --users-file ${users} --admin ${url}`)).code).toBe(78)
    expect(calls).toEqual([{ name: 'repl', password: 's3cret', rights: ['replicate'] }, 'repl'])
  })

  test('are added with options, to a file as by a running node', async () => {
    const calls: unknown[] = []
    const url = await startNode({ addUser: async (user) => void calls.push(user) })
    const file = await privateFile(folder, 'password', 's3cret\n')
    const options = '--plugin mysql_native_password --require-subject /CN=a --tagged-gtids hidden'
    const add = `user add cdc --password-file ${file} --require-tls ${options}`
    expect((await kingbus(`${add} --admin ${url}`)).code).toBe(0)
    expect(calls).toMatchObject([
      {
        name: 'cdc',
        plugin: 'mysql_native_password',
        requireTls: true,
        requireSubject: '/CN=a',
        taggedGtids: 'hidden',
      },
    ])
    const at = `--data-dir ${folder}`
    expect((await kingbus(`${add} ${at}`)).code).toBe(0)
    expect((await kingbus(`user list ${at}`)).out).toMatch(
      /cdc +replicate +hash +requires a certificate, of \/CN=a, tagged GTIDs hidden/,
    )
    expect(JSON.parse((await kingbus(`user list ${at} --json`)).out)).toMatchObject([
      { name: 'cdc', requireTls: true, requireIssuer: null, taggedGtids: 'hidden' },
    ])
  })

  test('are not added when the two passwords differ', async () => {
    const file = join(folder, 'users.yaml')
    const ran = await kingbus(`user add repl --users-file ${file}`, { answers: ['one', 'two'] })
    expect(ran.code).toBe(78)
    expect(await systemDisk.exists(file)).toBe(false)
  })

  test('are added by a password file that nobody else can read', async () => {
    const file = await privateFile(folder, 'password', 's3cret\n')
    const add = `user add repl --data-dir ${folder} --password-file ${file}`
    await chmod(file, 0o644)
    expect(await kingbus(add)).toMatchObject({
      code: 78,
      error: expect.stringMatching(/chmod 600/),
    })
    await chmod(file, 0o600)
    expect((await kingbus(`${add} --right monitor administer`)).code).toBe(0)
    expect((await kingbus(`user list --data-dir ${folder}`)).out).toMatch(/monitor, administer/)
  })
})

describe('settings', () => {
  test('are printed with the place each comes from', async () => {
    const environment = { KINGBUS_LOG_LEVEL: 'warn' }
    const { out } = await kingbus('config print --listen 0.0.0.0:1', { environment })
    expect(out).toMatch(/serve\.listen +0\.0\.0\.0:1 +--serve-listen/)
    expect(out).toMatch(/log\.level +warn +KINGBUS_LOG_LEVEL/)
    expect(out).toMatch(/source\.tls +preferred +default/)
  })

  test('are checked without a running node', async () => {
    const file = await privateFile(folder, 'kingbus.yaml', 'source: {tls: required}\n')
    expect((await kingbus(`config check --config ${file}`)).code).toBe(0)
    await writeFile(file, 'source: {tsl: required}\n')
    const ran = await kingbus('config check', { environment: { KINGBUS_CONFIG: file } })
    expect(ran).toMatchObject({
      code: 78,
      error: expect.stringMatching(/did you mean source\.tls/),
    })
  })

  test('a switch needs no value as a flag, and takes one', async () => {
    const shown = async (flags: string): Promise<string> =>
      (await kingbus(`config print ${flags}`)).out
        .split('\n')
        .find((line) => /semi-sync/.test(line)) ?? ''
    expect(await shown('--source-semi-sync --name x')).toMatch(/true.*--source-semi-sync/)
    expect(await shown('--source-semi-sync=false')).toMatch(/false.*--source-semi-sync/)
    expect(await kingbus('config check --source-semi-sync perhaps')).toMatchObject({
      error: expect.stringContaining('must be true or false'),
    })
  })

  test('of config init are a file that config check accepts', async () => {
    const file = await privateFile(folder, 'kingbus.yaml', (await kingbus('config init')).out)
    expect((await kingbus(`config check -c ${file}`)).code).toBe(0)
  })
})

describe('cluster certs', () => {
  test('writes what the secret gives, and prints where, with the endpoints of the settings', async () => {
    const secret = join(folder, 'secret')
    const settings = join(folder, 'node.yaml')
    await writeFile(secret, 'sixteen or more of them\n', { mode: 0o600 })
    const url = 'https://kingbus-1.example:9600'
    const cluster = `{peer-url: "${url}", initial-cluster: "one=${url}", secret-file: ${secret}}`
    await writeFile(settings, `name: one\ncluster: ${cluster}\n`)
    const ran = await kingbus(`cluster certs ${folder}/certs --config ${settings} --json`)
    const client = {
      certificate: `${folder}/certs/client.pem`,
      key: `${folder}/certs/client-key.pem`,
    }
    expect(JSON.parse(ran.out)).toEqual({
      authority: `${folder}/certs/authority.pem`,
      client,
      server: null,
      endpoints: ['https://kingbus-1.example:9602'],
    })
    const again = await kingbus(`cluster certs ${folder}/certs --secret-file ${secret}`)
    expect(again).toMatchObject({ code: 78, error: expect.stringContaining('is there already') })
    const server = await kingbus(
      `cluster certs ${folder}/b --secret-file ${secret} --host h 10.0.0.7`,
    )
    expect(server.out).toContain(`${folder}/b/server-key.pem`)
  })

  test('says where a secret would come from', async () => {
    expect(await kingbus(`cluster certs ${folder}/certs`)).toMatchObject({
      code: 78,
      error: expect.stringMatching(/--secret-file FILE.*E_CONFIG_INVALID/),
    })
  })
})

describe('a command line that is wrong', () => {
  test('ends with 64 and names the nearest right word', async () => {
    const flag = await kingbus('start --source-tsl required')
    expect(flag).toMatchObject({ code: 64, error: expect.stringContaining('--source-tls') })
    expect(await kingbus('statsu')).toMatchObject({
      code: 64,
      error: expect.stringContaining('status'),
    })
  })

  test.each(['--source-password=s3cret', '--source-password s3cret', '--admin-token s3cret'])(
    'with a secret in %j is refused without repeating it',
    async (flag) => {
      const ran = await kingbus(`start ${flag}`)
      expect(ran).toMatchObject({ code: 78, error: expect.stringMatching(/-file/) })
      expect(ran.error).toContain('E_SECRET_EXPOSED')
      expect(ran.error).not.toContain('s3cret')
    },
  )

  test('shows help with examples, and the version', async () => {
    expect(await kingbus('--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Examples:'),
    })
    expect((await kingbus('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
