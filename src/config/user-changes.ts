import { OperationalError } from '../lib/index.ts'
import { makeCachingSha2Hash, passwordMatches, SALT_SIZE } from '../mysql/index.ts'
import type { Disk, Random } from '../platform/index.ts'
import { verifierOf } from './users.ts'
import { type Right, readUsersFile, writeUsersFile } from './users-file.ts'

export interface NewUser {
  readonly name: string
  readonly password: string
  readonly rights: readonly Right[]
}

/**
 * Writes the user with a hash of the password; the folder is made when absent.
 * @throws OperationalError E_USER_EXISTS, E_USERS_INVALID, E_SECRET_EXPOSED
 */
export async function addUser(
  disk: Disk,
  random: Random,
  path: string,
  user: NewUser,
): Promise<void> {
  const entries = await readUsersFile(disk, path)
  if (entries.some(({ name }) => name === user.name)) {
    const message = `the user ${user.name} is in ${path} already: remove it first to change it`
    throw new OperationalError('E_USER_EXISTS', message)
  }
  const hash = await makeCachingSha2Hash(user.password, random.bytes(SALT_SIZE))
  const entry = { name: user.name, 'password-hash': hash, rights: user.rights }
  await writeUsersFile(disk, path, [...entries, entry])
}

/**
 * Adds a user who may replicate, or leaves as it is the one who has this name and this password. Whoever may
 * call this need not be one who may take over another user.
 * @throws OperationalError E_USER_EXISTS, E_USERS_INVALID, E_SECRET_EXPOSED
 */
export async function addReplicaUser(
  disk: Disk,
  random: Random,
  path: string,
  user: Omit<NewUser, 'rights'>,
): Promise<void> {
  const known = (await readUsersFile(disk, path)).find(({ name }) => name === user.name)
  if (known === undefined) {
    await addUser(disk, random, path, { ...user, rights: ['replicate'] })
    return
  }
  const isRight = await passwordMatches(verifierOf(known), Buffer.from(user.password, 'utf8'))
  if (isRight && known.rights.includes('replicate')) return
  const what = isRight ? 'without the right to replicate' : 'with another password'
  throw new OperationalError(
    'E_USER_EXISTS',
    `the user ${user.name} is in ${path} already, ${what}: take that one, or change it with kingbus user`,
  )
}

/** @throws OperationalError E_USER_UNKNOWN, E_USERS_INVALID, E_SECRET_EXPOSED */
export async function removeUser(disk: Disk, path: string, name: string): Promise<void> {
  const entries = await readUsersFile(disk, path)
  const left = entries.filter((entry) => entry.name !== name)
  if (left.length === entries.length) {
    throw new OperationalError('E_USER_UNKNOWN', `the user ${name} is not in ${path}`)
  }
  await writeUsersFile(disk, path, left)
}
