import { chmod, mkdtemp, rename, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../lib/index.ts'
import { systemDisk, systemRandom } from '../platform/index.ts'
import { addUser, removeUser } from './user-changes.ts'
import { Users } from './users.ts'
import { readUsersFile } from './users-file.ts'

let path = ''
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'kingbus-users-')), 'data', 'users.yaml')
})

const ALICE = { name: 'alice', password: 'Tr0ub4dor', rights: ['replicate'] } as const
const BOB = { name: "b'ob: #1", password: '', rights: ['monitor', 'administer'] } as const

async function openUsers(): Promise<Users> {
  return await Users.open({ disk: systemDisk, path, log: silentLogger })
}

test('what was added is read back, with a hash and never the password', async () => {
  await addUser(systemDisk, systemRandom, path, ALICE)
  await addUser(systemDisk, systemRandom, path, BOB)
  const entries = await readUsersFile(systemDisk, path)
  expect(entries.map(({ name, rights }) => ({ name, rights }))).toEqual([
    { name: 'alice', rights: ['replicate'] },
    { name: "b'ob: #1", rights: ['monitor', 'administer'] },
  ])
  expect(entries[0]?.['password-hash']).toMatch(/^\$A\$00[0-9A-F]\$.{63}$/)
  expect((await systemDisk.readFile(path)).toString()).not.toContain('Tr0ub4dor')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('a second user of the same name is refused, and so is removing an unknown one', async () => {
  await addUser(systemDisk, systemRandom, path, ALICE)
  await expect(addUser(systemDisk, systemRandom, path, ALICE)).rejects.toMatchObject({
    code: 'E_USER_EXISTS',
  })
  await expect(removeUser(systemDisk, path, 'carol')).rejects.toMatchObject({
    code: 'E_USER_UNKNOWN',
  })
})

test('a running node sees users come and go', async () => {
  const users = await openUsers()
  expect(users.find('alice')).toBeUndefined()
  await addUser(systemDisk, systemRandom, path, ALICE)
  await users.refresh()
  expect(users.find('alice')?.verifier.kind).toBe('caching-sha2')
  await removeUser(systemDisk, path, 'alice')
  await users.refresh()
  expect(users.find('alice')).toBeUndefined()
})

test('a file edited into nonsense leaves the users of a running node as they were', async () => {
  await addUser(systemDisk, systemRandom, path, ALICE)
  const users = await openUsers()
  await writeFile(path, '- nonsense: [')
  await users.refresh()
  expect(users.find('alice')).toBeDefined()
  await expect(openUsers()).rejects.toMatchObject({ code: 'E_USERS_INVALID' })
})

test('a file that cannot be looked at is an error in words, and no bug of a running node', async () => {
  await addUser(systemDisk, systemRandom, path, ALICE)
  const users = await openUsers()
  await rename(join(path, '..'), join(path, '..', '..', 'away'))
  await writeFile(join(path, '..'), 'a file in the place of the folder')
  await expect(openUsers()).rejects.toMatchObject({ code: 'E_CONFIG_UNREADABLE' })
  await users.refresh()
  await users.refresh()
  expect(users.find('alice')).toBeDefined()
})

test('a file that others can read is refused', async () => {
  await addUser(systemDisk, systemRandom, path, ALICE)
  await chmod(path, 0o644)
  await expect(openUsers()).rejects.toMatchObject({ code: 'E_SECRET_EXPOSED' })
})

async function readYaml(yaml: string) {
  await systemDisk.makeFolder(join(path, '..'))
  await systemDisk.replaceFile(path, Buffer.from(yaml))
  return await readUsersFile(systemDisk, path)
}

test('hashes copied from MySQL and plain passwords written by hand are accepted', async () => {
  const native = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'
  const yaml = `- {name: a, password: plain}\n- {name: b, password-hash: '${native}'}\n`
  expect(await readYaml(yaml)).toHaveLength(2)
  const users = await openUsers()
  expect(users.find('a')?.verifier).toEqual({ kind: 'password', password: 'plain' })
  expect(users.find('b')?.verifier.kind).toBe('native')
})

test.each([
  ['- {name: a}', /entry 1 needs either password-hash or password/],
  ['- {name: a, password: x, password-hash: "*0"}', /entry 1/],
  ['- {name: a, password-hash: nonsense}', /entry 1 password-hash malformed password hash/],
  ['- {name: a, password: x, rights: [all]}', /entry 1 rights 0/],
  ['- {name: a, password: x}\n- {name: a, password: y}', /the user a is in it twice/],
  ['users: []', /the list/],
])('refuses %j', async (yaml, message) => {
  await expect(readYaml(yaml)).rejects.toThrow(message)
})

test('options are kept beside the hash, and say what a connection must have', async () => {
  const options = { 'require-subject': '/O=Example/CN=replica1', 'tagged-gtids': 'hidden' } as const
  await addUser(systemDisk, systemRandom, path, { ...ALICE, options })
  await addUser(systemDisk, systemRandom, path, { ...BOB, options: { 'require-tls': true } })
  const users = await openUsers()
  expect(users.find('alice')).toMatchObject({
    requires: {
      tls: true,
      certificate: true,
      subject: '/O=Example/CN=replica1',
      issuer: undefined,
    },
    hidesTaggedGtids: true,
  })
  expect(users.find(BOB.name)).toMatchObject({
    requires: { tls: true, certificate: false },
    hidesTaggedGtids: false,
  })
})

test.each([
  ['require-tls: yes please', /entry 1 require-tls/],
  ['require-subject: CN=replica1', /entry 1 require-subject must be a name such as/],
  ['tagged-gtids: gone', /entry 1 tagged-gtids/],
  ['require-ssl: true', /entry 1 .*require-ssl/],
])('an option that is not one is refused by its name: %s', async (option, problem) => {
  await addUser(systemDisk, systemRandom, path, BOB)
  await writeFile(path, `- {name: x, password: y, ${option}}`)
  await expect(readUsersFile(systemDisk, path)).rejects.toThrow(problem)
})

test('a password is hashed for the old method when that is asked for', async () => {
  const user = { ...ALICE, password: 'password', plugin: 'mysql_native_password' } as const
  await addUser(systemDisk, systemRandom, path, user)
  const [entry] = await readUsersFile(systemDisk, path)
  expect(entry?.['password-hash']).toBe('*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19')
  expect((await openUsers()).find('alice')?.verifier.kind).toBe('native')
})
