/*
  The users who may connect to the replication port: a YAML list of `{name, password-hash, rights}`, each
  with options if need be (user-options.ts), in a file that only its owner can read. `password-hash` is what
  MySQL keeps in authentication_string (`$A$005$...` or `*...`). A plain `password` written by hand is
  accepted and reported.
*/
import { dirname } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { messageOf, OperationalError, ProtocolError, replaceRefused } from '../lib/index.ts'
import { parsePasswordHash } from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'
import { USERS_FILE_BYTES_MOST } from './limits.ts'
import { attributesOf, refuseShared } from './secrets.ts'
import { type UserOptions, userOptionFields } from './user-options.ts'

export const RIGHTS = ['replicate', 'monitor', 'administer'] as const
export type Right = (typeof RIGHTS)[number]

/** One entry of the file. */
export interface UserEntry extends UserOptions {
  readonly name: string
  readonly 'password-hash'?: string | undefined
  readonly password?: string | undefined
  readonly rights: readonly Right[]
}

function isHash(context: z.core.ParsePayload<string>): void {
  try {
    parsePasswordHash(context.value)
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    context.issues.push({ code: 'custom', input: '', message: thrown.message })
  }
}

/** What a user has, wherever users are written down. */
export const userFields = {
  // 32 characters is the longest name that MySQL allows.
  name: z.string().min(1).max(32),
  passwordHash: z.string().check(isHash),
  rights: z.array(z.enum(RIGHTS)).default(['replicate']),
}

const entrySchema = z
  .strictObject({
    name: userFields.name,
    password: z.string().optional(),
    'password-hash': userFields.passwordHash.optional(),
    rights: userFields.rights,
    ...userOptionFields,
  })
  .refine((entry) => (entry.password === undefined) !== (entry['password-hash'] === undefined), {
    error: 'needs either password-hash or password',
  })

/** Users as a list of entries, wherever it is kept. */
export const userEntriesSchema = z.array(entrySchema)

const fileSchema = userEntriesSchema.nullable()

/**
 * None when the file does not exist.
 * @throws OperationalError E_USERS_INVALID, E_SECRET_EXPOSED, E_CONFIG_UNREADABLE
 */
export async function readUsersFile(disk: Disk, path: string): Promise<UserEntry[]> {
  const attributes = await attributesOf(disk, path, 'the users file')
  if (attributes === undefined) return []
  await refuseShared(disk, path, 'the users file')
  if (attributes.size > USERS_FILE_BYTES_MOST) {
    throw invalid(path, `it has ${attributes.size} bytes, more than ${USERS_FILE_BYTES_MOST}`)
  }
  const read = fileSchema.safeParse(await parseYaml(disk, path))
  if (!read.success) throw invalid(path, read.error.issues.map(problemOf).join('; '))
  const entries = read.data ?? []
  const twice = entries.find(({ name }, at) => entries.findIndex((e) => e.name === name) !== at)
  if (twice !== undefined) throw invalid(path, `the user ${twice.name} is in it twice`)
  return entries
}

/**
 * Makes the folder when absent. The order of entries is kept, comments are not.
 * @throws OperationalError E_DISK_FULL, E_DATA_DIR_INVALID: nothing was changed
 */
export async function writeUsersFile(
  disk: Disk,
  path: string,
  entries: readonly UserEntry[],
): Promise<void> {
  // JSON is YAML too, and its quoting leaves no doubt about the odd characters of a hash's salt.
  const lines = entries.map((entry) => `- ${JSON.stringify(entry)}\n`)
  const text = `# Users of a Kingbus node; change it with kingbus user add|remove.\n${lines.join('')}`
  try {
    await disk.makeFolder(dirname(path))
    await disk.replaceFile(path, Buffer.from(text, 'utf8'))
  } catch (cause) {
    throw replaceRefused(path, cause, `${messageOf(cause)}; nothing was changed`)
  }
}

async function parseYaml(disk: Disk, path: string): Promise<unknown> {
  try {
    // Its warnings would go to standard error, past the log.
    return parse((await disk.readFile(path)).toString('utf8'), { logLevel: 'error' })
  } catch (cause) {
    throw invalid(path, messageOf(cause).split('\n')[0] ?? '', cause)
  }
}

/** Names the entry and the field, never a value: that might be a password. */
function problemOf({ path, message }: z.core.$ZodIssue): string {
  const [index, ...field] = path
  const entry = typeof index === 'number' ? `entry ${index + 1}` : 'the list'
  return [entry, ...field.map(String), message].join(' ')
}

function invalid(path: string, problem: string, cause?: unknown): OperationalError {
  const message = `the users file ${path} is not usable: ${problem}`
  return new OperationalError('E_USERS_INVALID', message, {}, { cause })
}
