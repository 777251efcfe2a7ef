/*
  Secrets come from files that only their owner can read, or from the environment; they are kept apart
  from Config, so that whatever prints a Config can never print one.
*/
import { messageOf, OperationalError } from '../lib/index.ts'
import type { Disk, FileAttributes } from '../platform/index.ts'
import type { Environment } from './given.ts'
import { ADMIN_TOKEN_LENGTH_LEAST, CLUSTER_SECRET_LENGTH_LEAST } from './limits.ts'
import type { LoadedConfig } from './load.ts'

export interface Secrets {
  /** empty when none was given */
  readonly sourcePassword: string
  /** of serve.metadata-user; empty when none was given */
  readonly metadataPassword: string
  readonly adminToken: string | undefined
  /** undefined for a node that is alone */
  readonly clusterSecret: string | undefined
}

/**
 * @throws OperationalError E_SECRET_EXPOSED, E_CONFIG_UNREADABLE, E_CONFIG_INVALID, E_CLUSTER_SECRET
 */
export async function loadSecrets(
  disk: Disk,
  loaded: LoadedConfig,
  environment: Environment,
): Promise<Secrets> {
  return {
    sourcePassword: await sourcePassword(disk, loaded, environment),
    metadataPassword: await metadataPassword(disk, loaded.config['serve.metadata-password-file']),
    adminToken: await readAdminToken(disk, loaded.config['admin.token-file']),
    clusterSecret: await clusterSecret(disk, loaded.config['cluster.secret-file']),
  }
}

/** A file named by a flag beats the variable; the variable beats a file named anywhere else. */
async function sourcePassword(
  disk: Disk,
  { config, given }: LoadedConfig,
  environment: Environment,
): Promise<string> {
  const path = config['source.password-file']
  const password = environment['KINGBUS_SOURCE_PASSWORD']
  const byFlag = given.get('source.password-file')?.place.startsWith('--') === true
  if (password !== undefined && password !== '' && !byFlag) return password
  return path === undefined ? '' : await readSecretFile(disk, path, 'source.password-file')
}

/** @throws OperationalError E_CONFIG_INVALID when the token is too short */
export async function readAdminToken(
  disk: Disk,
  path: string | undefined,
): Promise<string | undefined> {
  if (path === undefined) return undefined
  const token = await readSecretFile(disk, path, 'admin.token-file')
  if (token.length >= ADMIN_TOKEN_LENGTH_LEAST) return token
  throw new OperationalError(
    'E_CONFIG_INVALID',
    `the token in ${path} has ${token.length} characters; it needs at least ` +
      `${ADMIN_TOKEN_LENGTH_LEAST} (for example \`openssl rand -hex 32\`)`,
  )
}

async function metadataPassword(disk: Disk, path: string | undefined): Promise<string> {
  return path === undefined ? '' : await readSecretFile(disk, path, 'serve.metadata-password-file')
}

async function clusterSecret(disk: Disk, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  const secret = await readSecretFile(disk, path, 'cluster.secret-file')
  if (Array.from(secret).length >= CLUSTER_SECRET_LENGTH_LEAST) return secret
  throw new OperationalError(
    'E_CLUSTER_SECRET',
    `the secret in cluster.secret-file ${path} has fewer than ${CLUSTER_SECRET_LENGTH_LEAST} ` +
      'characters: make one with `openssl rand -base64 32`, the same on every node',
  )
}

/**
 * The text of a file without its final newline.
 * @param what the key or flag that names the file, for messages
 */
export async function readSecretFile(disk: Disk, path: string, what: string): Promise<string> {
  await refuseShared(disk, path, what)
  try {
    return (await disk.readFile(path)).toString('utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    const message = `${what} ${path} cannot be read: ${messageOf(cause)}`
    throw new OperationalError('E_CONFIG_UNREADABLE', message, {}, { cause })
  }
}

/** @throws OperationalError E_SECRET_EXPOSED when group or others may use the file */
export async function refuseShared(disk: Disk, path: string, what: string): Promise<void> {
  const attributes = await attributesOf(disk, path, what)
  if (attributes === undefined || (attributes.mode & 0o077) === 0) return
  const mode = attributes.mode.toString(8).padStart(4, '0')
  throw new OperationalError(
    'E_SECRET_EXPOSED',
    `${what} ${path} can be read by others (mode ${mode}): run chmod 600 ${path}`,
  )
}

/**
 * As the disk's, undefined for a file that is not there.
 * @throws OperationalError E_CONFIG_UNREADABLE when that cannot be found out, as in a folder of somebody else
 */
export async function attributesOf(
  disk: Disk,
  path: string,
  what: string,
): Promise<FileAttributes | undefined> {
  try {
    return await disk.attributes(path)
  } catch (cause) {
    const message = `${what} ${path} cannot be looked at: ${messageOf(cause)}`
    throw new OperationalError('E_CONFIG_UNREADABLE', message, {}, { cause })
  }
}
