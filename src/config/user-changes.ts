import { OperationalError } from '../lib/index.ts'
import {
  CACHING_SHA2_PASSWORD,
  MYSQL_NATIVE_PASSWORD,
  makeCachingSha2Hash,
  makeNativeHash,
  passwordMatches,
  SALT_SIZE,
} from '../mysql/index.ts'
import type { Disk, Random } from '../platform/index.ts'
import type { UserOptions } from './user-options.ts'
import { verifierOf } from './users.ts'
import { type Right, readUsersFile, type UserEntry, writeUsersFile } from './users-file.ts'

/** How a client proves its password: by MySQL 8's method, or by the older one for clients that know no other. */
export const PASSWORD_PLUGINS = [CACHING_SHA2_PASSWORD, MYSQL_NATIVE_PASSWORD] as const
export type PasswordPlugin = (typeof PASSWORD_PLUGINS)[number]

export interface NewUser {
  readonly name: string
  readonly password: string
  readonly rights: readonly Right[]
  /** default: caching_sha2_password */
  readonly plugin?: PasswordPlugin | undefined
  readonly options?: UserOptions
}

/** The entry of a user, with a hash of the password. */
export async function userEntry(random: Random, user: NewUser): Promise<UserEntry> {
  const { name, password, rights, plugin, options } = user
  const hash =
    plugin === MYSQL_NATIVE_PASSWORD
      ? makeNativeHash(password)
      : await makeCachingSha2Hash(password, random.bytes(SALT_SIZE))
  return { name, 'password-hash': hash, rights, ...options }
}

/**
 * @param where the users are, for the message
 * @throws OperationalError E_USER_EXISTS
 */
export function withUser(
  entries: readonly UserEntry[],
  entry: UserEntry,
  where: string,
): readonly UserEntry[] {
  if (!entries.some(({ name }) => name === entry.name)) return [...entries, entry]
  const message = `the user ${entry.name} is in ${where} already: remove it first to change it`
  throw new OperationalError('E_USER_EXISTS', message)
}

/** @throws OperationalError E_USER_UNKNOWN */
export function withoutUser(
  entries: readonly UserEntry[],
  name: string,
  where: string,
): readonly UserEntry[] {
  const left = entries.filter((entry) => entry.name !== name)
  if (left.length < entries.length) return left
  throw new OperationalError('E_USER_UNKNOWN', `the user ${name} is not in ${where}`)
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
  await addEntry(disk, path, await userEntry(random, user))
}

/** Writes the user as it is. @throws as addUser */
export async function addEntry(disk: Disk, path: string, entry: UserEntry): Promise<void> {
  const entries = await readUsersFile(disk, path)
  await writeUsersFile(disk, path, withUser(entries, entry, path))
}

/**
 * Whether one of them has this name and this password, and may replicate. Whoever may admit a user need not be one who
 * may take over another.
 * @param where the users are, for the message
 * @throws OperationalError E_USER_EXISTS when one has the name only
 */
export async function isAdmitted(
  entries: readonly UserEntry[],
  user: Pick<NewUser, 'name' | 'password'>,
  where: string,
): Promise<boolean> {
  const known = entries.find(({ name }) => name === user.name)
  if (known === undefined) return false
  const isRight = await passwordMatches(verifierOf(known), Buffer.from(user.password, 'utf8'))
  if (isRight && known.rights.includes('replicate')) return true
  const what = isRight ? 'without the right to replicate' : 'with another password'
  throw new OperationalError(
    'E_USER_EXISTS',
    `the user ${user.name} is in ${where} already, ${what}: take that one, or change it with kingbus user`,
  )
}

/** @throws OperationalError E_USER_UNKNOWN, E_USERS_INVALID, E_SECRET_EXPOSED */
export async function removeUser(disk: Disk, path: string, name: string): Promise<void> {
  const entries = await readUsersFile(disk, path)
  await writeUsersFile(disk, path, withoutUser(entries, name, path))
}
