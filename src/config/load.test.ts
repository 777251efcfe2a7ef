import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { GtidSet } from '../mysql/index.ts'
import { systemDisk } from '../platform/index.ts'
import { exampleFile } from './describe.ts'
import { flagOf, KEY_NAMES, type Key, keySpec, variableOf } from './keys.ts'
import { type LoadedConfig, loadConfig } from './load.ts'
import { loadSecrets } from './secrets.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kingbus-config-'))
})

interface Attempt {
  yaml?: string
  environment?: Record<string, string>
  flags?: Partial<Record<Key, string>>
}

async function load({ yaml, environment = {}, flags = {} }: Attempt): Promise<LoadedConfig> {
  const file = yaml === undefined ? undefined : join(folder, 'kingbus.yaml')
  if (file !== undefined) await writeFile(file, yaml ?? '')
  const given = new Map(Object.entries(flags) as Array<[Key, string]>)
  return await loadConfig(systemDisk, { file, environment, flags: given })
}

async function secretFile(text: string, mode: number): Promise<string> {
  const path = join(folder, 'secret')
  await writeFile(path, text, { mode })
  await chmod(path, mode)
  return path
}

describe('where a setting comes from', () => {
  const yaml = 'name: from-file\nsource:\n  tls: required\n'

  test('a flag beats a variable, which beats the file, which beats the default', async () => {
    const environment = { KINGBUS_NAME: 'from-variable' }
    const flags = { name: 'from-flag' }
    expect((await load({})).config.name).toBe('kingbus')
    expect((await load({ yaml })).config.name).toBe('from-file')
    expect((await load({ yaml, environment })).config.name).toBe('from-variable')
    expect((await load({ yaml, environment, flags })).config.name).toBe('from-flag')
  })

  test('each remembers its place, down to the line of the file', async () => {
    const loaded = await load({ yaml, environment: { KINGBUS_NAME: 'x' } })
    expect(loaded.given.get('name')?.place).toBe('KINGBUS_NAME')
    expect(loaded.given.get('source.tls')?.place).toMatch(/kingbus\.yaml:3$/)
  })

  test('an empty variable and a key without a value count as not given', async () => {
    const loaded = await load({ yaml: 'source:\nname:\n', environment: { KINGBUS_NAME: '' } })
    expect(loaded.config.name).toBe('kingbus')
  })

  test('a key may be written with its section before it', async () => {
    expect((await load({ yaml: 'source.tls: disabled' })).config['source.tls']).toBe('disabled')
  })

  test('no two keys share a flag or a variable', () => {
    const flags = KEY_NAMES.flatMap((key) => {
      const { shortFlag } = keySpec(key)
      return shortFlag === undefined ? [flagOf(key)] : [flagOf(key), `--${shortFlag}`]
    })
    expect(new Set(flags).size).toBe(flags.length)
    expect(new Set(KEY_NAMES.map(variableOf)).size).toBe(KEY_NAMES.length)
  })

  test('every default is a value that its own key accepts', () => {
    for (const key of KEY_NAMES) {
      const { schema, fallback } = keySpec(key)
      if (fallback !== undefined) expect(schema.safeParse(fallback).success, key).toBe(true)
    }
  })

  test('the file that config init writes sets nothing and is accepted', async () => {
    expect((await load({ yaml: exampleFile() })).given.size).toBe(0)
  })

  test('the file that config init writes is accepted with every default put in', async () => {
    const yaml = exampleFile().replaceAll(/^(\s*)#(\S+): (.*)$/gm, (line, indent, key, value) =>
      KEY_NAMES.some((name) => keySpec(name).fallback === value)
        ? `${indent}${key}: ${value}`
        : line,
    )
    expect((await load({ yaml })).given.size).toBeGreaterThan(5)
  })
})

describe('what is refused', () => {
  test.each([
    [
      'source:\n  tsl: required',
      /kingbus\.yaml:2: unknown key source\.tsl; did you mean source\.tls/,
    ],
    ['start-at: oldest', /did you mean source\.start-at\?/],
    ['retention: {maxsize: 1GiB}', /did you mean retention\.max-size\?/],
    ['banana: 1', /unknown key banana; see `kingbus config init`/],
    ['name: a\nname: b', /must be unique/],
    ['name: a\nsource: {tls: disabled}\nsource.tls: disabled', /source\.tls is given twice/],
    ['- name', /holds no keys/],
    ['name: [a]', /name takes one value/],
    ['source: {tls: maybe}', /source\.tls \(from .*:1\): must be one of disabled, preferred/],
    ['serve: {listen: "3390"}', /is not HOST:PORT/],
    ['serve: {listen: "localhost:70000"}', /is not HOST:PORT/],
    ['source: {url: "postgres://u@h"}', /is not mysql:\/\/USER@HOST/],
    ['source: {semi-sync: yes please}', /source\.semi-sync \(from .*:1\): must be true or false/],
    ['source: {start-at: "12345"}', /must be oldest, newest or a GTID set/],
    ['retention: {max-size: 12 parsecs}', /is not a size/],
    ['retention: {max-age: 0s}', /is not a duration/],
    ['serve: {cert-file: a.pem}', /serve\.cert-file and serve\.key-file belong together/],
    ['admin: {listen: "0.0.0.0:1"}', /set admin\.token-file, admin\.cert-file, admin\.key-file/],
    ['server-id: 0', /server-id/],
  ])('%j', async (yaml, message) => {
    await expect(load({ yaml })).rejects.toMatchObject({
      code: 'E_CONFIG_INVALID',
      message: expect.stringMatching(message),
    })
  })

  test('a file that is not there', async () => {
    const input = { file: join(folder, 'none.yaml'), environment: {}, flags: new Map() }
    await expect(loadConfig(systemDisk, input)).rejects.toMatchObject({
      code: 'E_CONFIG_UNREADABLE',
    })
  })

  test('all problems are told at once', async () => {
    const attempt = load({ yaml: 'name: "a b"\nlog: {level: loud}' })
    await expect(attempt).rejects.toThrow(/name .*; log\.level /)
  })

  test('a variable that resembles a key, while others and those of Kubernetes pass', async () => {
    await expect(load({ environment: { KINGBUS_SOURCE_STRAT_AT: 'x' } })).rejects.toThrow(
      /did you mean KINGBUS_SOURCE_START_AT\?/,
    )
    const environment = { KINGBUS_SERVICE_HOST: '10.0.0.1', KINGBUS_PORT: 'tcp://x' }
    expect((await load({ environment })).warnings).toEqual([])
    expect((await load({ environment: { KINGBUS_ELSEWHERE_42: 'x' } })).warnings).toHaveLength(1)
  })
})

describe('values', () => {
  test('are read into what they mean', async () => {
    const { config } = await load({
      flags: {
        'source.url': 'mysql://repl%40eu@[::1]:3307',
        'source.start-at': 'F0D2F1A4-0000-0000-0000-000000000001:1-5',
        'retention.max-size': '1.5GiB',
        'retention.max-age': '7d',
        'server-id': '4294967295',
        'serve.listen': '[::]:3390',
      },
    })
    expect(config['source.url']).toEqual({ user: 'repl@eu', host: '::1', port: 3307 })
    expect(config['source.start-at']).toBeInstanceOf(GtidSet)
    expect(config['retention.max-size']).toBe(1.5 * 2 ** 30)
    expect(config['retention.max-age']).toBe(7 * 86_400_000)
    expect(config['server-id']).toBe(4_294_967_295)
    expect(config['serve.listen']).toEqual({ host: '::', port: 3390 })
  })

  test('a switch is off, or what is said', async () => {
    expect((await load({})).config['source.semi-sync']).toBe(false)
    const yaml = 'source: {semi-sync: true}'
    expect((await load({ yaml })).config['source.semi-sync']).toBe(true)
    const environment = { KINGBUS_SOURCE_SEMI_SYNC: 'false' }
    expect((await load({ yaml, environment })).config['source.semi-sync']).toBe(false)
  })

  test('the port of the source is 3306 unless said otherwise', async () => {
    const { config } = await load({ flags: { 'source.url': 'mysql://repl@db.example' } })
    expect(config['source.url']?.port).toBe(3306)
  })
})

describe('secrets', () => {
  test('a password in the URL is refused without repeating it', async () => {
    const attempt = load({ flags: { 'source.url': 'mysql://repl:Tr0ub4dor@h' } })
    await expect(attempt).rejects.toMatchObject({ code: 'E_SECRET_EXPOSED' })
    await expect(attempt).rejects.not.toThrow(/Tr0ub4dor/)
  })

  test('a password in the file or a token in a variable is refused, with the right way', async () => {
    const file = load({ yaml: 'source: {password: Tr0ub4dor}' })
    await expect(file).rejects.toThrow(/source\.password-file/)
    await expect(file).rejects.not.toThrow(/Tr0ub4dor/)
    const variable = load({ environment: { KINGBUS_ADMIN_TOKEN: 'Tr0ub4dor' } })
    await expect(variable).rejects.toMatchObject({ code: 'E_SECRET_EXPOSED' })
  })

  test('a password file loses its final newline, and no other', async () => {
    const path = await secretFile('two\nlines\n', 0o600)
    const loaded = await load({ flags: { 'source.password-file': path } })
    expect((await loadSecrets(systemDisk, loaded, {})).sourcePassword).toBe('two\nlines')
  })

  test('a password file that others can read is refused', async () => {
    const path = await secretFile('x', 0o640)
    const loaded = await load({ flags: { 'source.password-file': path } })
    await expect(loadSecrets(systemDisk, loaded, {})).rejects.toThrow(/mode 0640.*chmod 600/)
  })

  test('the variable beats a file named in the file, and loses to a file named by a flag', async () => {
    const path = await secretFile('from-file', 0o600)
    const environment = { KINGBUS_SOURCE_PASSWORD: 'from-variable' }
    const inYaml = await load({ yaml: `source: {password-file: ${path}}`, environment })
    const asFlag = await load({ flags: { 'source.password-file': path }, environment })
    expect((await loadSecrets(systemDisk, inYaml, environment)).sourcePassword).toBe(
      'from-variable',
    )
    expect((await loadSecrets(systemDisk, asFlag, environment)).sourcePassword).toBe('from-file')
  })

  test('no password file and no variable mean an empty password', async () => {
    expect((await loadSecrets(systemDisk, await load({}), {})).sourcePassword).toBe('')
  })

  test('a short token is refused', async () => {
    const path = await secretFile('short\n', 0o600)
    const loaded = await load({ flags: { 'admin.token-file': path } })
    await expect(loadSecrets(systemDisk, loaded, {})).rejects.toThrow(/has 5 characters/)
  })
})
