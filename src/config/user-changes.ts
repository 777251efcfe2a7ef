import { OperationalError } from '../lib/index.ts'
import { makeCachingSha2Hash, SALT_SIZE } from '../mysql/index.ts'
import type { Disk, Random } from '../platform/index.ts'
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

/** @throws OperationalError E_USER_UNKNOWN, E_USERS_INVALID, E_SECRET_EXPOSED */
export async function removeUser(disk: Disk, path: string, name: string): Promise<void> {
  const entries = await readUsersFile(disk, path)
  const left = entries.filter((entry) => entry.name !== name)
  if (left.length === entries.length) {
    throw new OperationalError('E_USER_UNKNOWN', `the user ${name} is not in ${path}`)
  }
  await writeUsersFile(disk, path, left)
}
