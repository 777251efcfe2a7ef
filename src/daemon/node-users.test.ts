import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { beforeEach, expect, test } from 'vitest'
import { addUser, readUsersFile, type UserEntry } from '../config/index.ts'
import { silentLogger } from '../lib/index.ts'
import { makeCachingSha2Hash, SALT_SIZE } from '../mysql/index.ts'
import { systemDisk, systemRandom } from '../platform/index.ts'
import { temporaryFolder } from '../platform/testing/temporary-folder.ts'
import { FileUsers, type ReplicaUser } from './node-users.ts'

let path = ''
beforeEach(() => {
  path = `${temporaryFolder('node-users')}/users.yaml`
})

const ALICE = { name: 'alice', password: 'Tr0ub4dor' }
const BOB = { name: 'bob', password: '', rights: ['monitor', 'administer'] } as const

async function admit(user: ReplicaUser): Promise<void> {
  const options = { disk: systemDisk, path, log: silentLogger }
  const users = await FileUsers.open(options, systemRandom)
  await users.admit(user)
}

async function writeEntries(entries: readonly UserEntry[]): Promise<void> {
  await writeFile(path, JSON.stringify(entries), { mode: 0o600 })
}

/** As MySQL keeps it for mysql_native_password. */
const NATIVE_HASH_OF_RIGHT = `*${sha1(sha1(Buffer.from('right'))).toString('hex')}`

function sha1(bytes: Buffer): Buffer {
  return createHash('sha1').update(bytes).digest()
}

async function hashOf(password: string): Promise<string> {
  return await makeCachingSha2Hash(password, systemRandom.bytes(SALT_SIZE))
}

test('a replica user is added once, and left alone by whoever knows its password', async () => {
  const { name, password } = ALICE
  await admit({ name, password })
  const before = await systemDisk.readFile(path)
  await admit({ name, password })
  expect(await systemDisk.readFile(path)).toEqual(before)
  expect(await readUsersFile(systemDisk, path)).toMatchObject([{ name, rights: ['replicate'] }])
})

test('users that are changed at once are all changed, and can log in or not at once', async () => {
  const users = await FileUsers.open({ disk: systemDisk, path, log: silentLogger }, systemRandom)
  const hash = await hashOf('right')
  const names = Array.from({ length: 10 }, (_, index) => `user-${index}`)
  const entry = (name: string) => ({ name, 'password-hash': hash, rights: ['replicate'] }) as const
  await Promise.all([...names.map((name) => users.add(entry(name))), users.admit(ALICE)])
  expect((await users.list()).map(({ name }) => name)).toEqual([...names, 'alice'])
  expect(names.every((name) => users.find(name) !== undefined)).toBe(true)
  await expect(users.add(entry('user-0'))).rejects.toMatchObject({ code: 'E_USER_EXISTS' })
  await Promise.all(names.map((name) => users.remove(name)))
  expect((await users.list()).map(({ name }) => name)).toEqual(['alice'])
  expect(users.find('user-0')).toBeUndefined()
  await expect(users.remove('user-0')).rejects.toMatchObject({ code: 'E_USER_UNKNOWN' })
})

test.each([
  ['a hash of ours', { 'password-hash': await hashOf('right') }, ['replicate']],
  ['a native hash', { 'password-hash': NATIVE_HASH_OF_RIGHT }, ['replicate']],
  ['a plain password', { password: 'right' }, ['replicate', 'monitor']],
] as const)('a replica user with %s is taken only with its password', async (_, kept, rights) => {
  await writeEntries([{ name: 'kb', ...kept, rights }])
  const add = (password: string) => admit({ name: 'kb', password })
  await add('right')
  await expect(add('wrong')).rejects.toMatchObject({ code: 'E_USER_EXISTS' })
  expect(await readUsersFile(systemDisk, path)).toEqual([{ name: 'kb', ...kept, rights }])
})

test('a user who may do other things does not become a replica user', async () => {
  await addUser(systemDisk, systemRandom, path, BOB)
  await expect(admit(BOB)).rejects.toThrow(/right to repl/)
})
