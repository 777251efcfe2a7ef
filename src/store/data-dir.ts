import { decodeCheckedJson, encodeCheckedJson, messageOf, OperationalError } from '../lib/index.ts'
import type { Disk, Random } from '../platform/index.ts'

/** The version of everything under a data directory. A directory of another version is refused. */
const FORMAT_VERSION = 1

/** What makes this store itself; `identity.json`, written when the data directory is made. */
export interface Identity {
  readonly formatVersion: number
  /**
   * random, made with the data directory; the indexes carry it, so that files of two stores are not
   * mixed
   */
  readonly storeId: string
  /** server_uuid and server_id that replicas see */
  readonly serverUuid: string
  readonly serverId: number
  /** server_uuid and server_id by which the source knows us */
  readonly sourceReplicaUuid: string
  readonly sourceReplicaServerId: number
}

/** What the configuration may set; what it leaves open is random at first and then kept. */
export type IdentityWishes = Partial<
  Pick<Identity, 'serverUuid' | 'serverId' | 'sourceReplicaUuid' | 'sourceReplicaServerId'>
>

export interface DataDir {
  readonly path: string
  /** where the binlog files lie; `Store.open`'s folder */
  readonly binlogs: string
  /** where an import makes what takes the place of `binlogs`, as long as that is empty */
  readonly importing: string
  readonly identity: Identity
  /** Removes what an import has left that did not come to its end. */
  discardImport(): Promise<void>
  /** Lets another process have the directory. */
  release(): Promise<void>
}

export interface DataDirOptions {
  readonly disk: Disk
  readonly random: Random
  readonly path: string
  readonly wishes?: IdentityWishes
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SERVER_ID_MAX = 2 ** 32 - 1

/**
 * Takes the data directory for this process (made with mode 0700 when absent).
 * @throws OperationalError E_DATA_DIR_LOCKED when another process has it, E_STORE_FORMAT when
 * another version of Kingbus made it, E_DATA_DIR_INVALID when it cannot be used
 */
export async function openDataDir(options: DataDirOptions): Promise<DataDir> {
  const { disk, path } = options
  try {
    await disk.makeFolder(path)
  } catch (thrown) {
    const message = `data directory ${path} cannot be made: ${messageOf(thrown)}`
    throw new OperationalError('E_DATA_DIR_INVALID', message, { path }, { cause: thrown })
  }
  const lock = await disk.lock(`${path}/lock`)
  if (lock === undefined) {
    const message = `data directory ${path} is in use by another process; stop it, or give this one another data-dir`
    throw new OperationalError('E_DATA_DIR_LOCKED', message, { path })
  }
  try {
    const identity = await settleIdentity(options)
    const importing = `${path}/importing`
    const discardImport = (): Promise<void> => removeFiles(disk, importing)
    await discardImport()
    await disk.makeFolder(`${path}/binlogs`)
    await disk.syncFolder(path)
    await disk.syncFolder(`${path}/..`)
    const release = (): Promise<void> => lock.release()
    return { path, binlogs: `${path}/binlogs`, importing, identity, discardImport, release }
  } catch (thrown) {
    await lock.release()
    throw thrown
  }
}

async function removeFiles(disk: Disk, folder: string): Promise<void> {
  for (const name of await disk.list(folder)) await disk.remove(`${folder}/${name}`)
}

/**
 * What a data directory is, without taking it; undefined where none was made yet.
 * @throws OperationalError E_STORE_FORMAT, E_DATA_DIR_INVALID
 */
export async function readIdentity(disk: Disk, path: string): Promise<Identity | undefined> {
  const file = identityFile(path)
  return (await disk.exists(file)) ? parseIdentity(await disk.readFile(file), file) : undefined
}

function identityFile(path: string): string {
  return `${path}/identity.json`
}

async function settleIdentity({ disk, random, path, wishes }: DataDirOptions): Promise<Identity> {
  const file = identityFile(path)
  const known = await readIdentity(disk, path)
  const identity: Identity = { ...(known ?? freshIdentity(random)), ...wishes }
  const bytes = encodeCheckedJson(identity)
  // A file of before there was a check gets one.
  if (known === undefined || !bytes.equals(await disk.readFile(file))) {
    await disk.replaceFile(file, bytes)
  }
  return identity
}

function freshIdentity(random: Random): Identity {
  return {
    formatVersion: FORMAT_VERSION,
    storeId: random.uuid(),
    serverUuid: random.uuid(),
    serverId: randomServerId(random),
    sourceReplicaUuid: random.uuid(),
    sourceReplicaServerId: randomServerId(random),
  }
}

/** High numbers, since people give their servers low ones. */
function randomServerId(random: Random): number {
  return 2 ** 31 + Math.floor(random.fraction() * (2 ** 31 - 1))
}

function parseIdentity(bytes: Buffer, file: string): Identity {
  const refuse = (what: string): OperationalError =>
    new OperationalError(
      'E_DATA_DIR_INVALID',
      `${file}: ${what}; restore it from a copy, or start with an empty data-dir`,
      { file },
    )
  const fields = decode(bytes.toString('utf8'), refuse)
  if (fields['formatVersion'] !== FORMAT_VERSION) {
    const found = String(fields['formatVersion'])
    const message = `${file} has format version ${found}; this program knows ${FORMAT_VERSION}`
    throw new OperationalError('E_STORE_FORMAT', message, { file })
  }
  const uuid = (name: string): string => {
    const found = fields[name]
    if (typeof found !== 'string' || !UUID.test(found)) throw refuse(`${name} is not a uuid`)
    return found
  }
  const serverId = (name: string): number => {
    const found = fields[name]
    if (
      typeof found !== 'number' ||
      !Number.isInteger(found) ||
      found < 1 ||
      found > SERVER_ID_MAX
    ) {
      throw refuse(`${name} is not a number from 1 to ${SERVER_ID_MAX}`)
    }
    return found
  }
  return {
    formatVersion: FORMAT_VERSION,
    storeId: uuid('storeId'),
    serverUuid: uuid('serverUuid'),
    serverId: serverId('serverId'),
    sourceReplicaUuid: uuid('sourceReplicaUuid'),
    sourceReplicaServerId: serverId('sourceReplicaServerId'),
  }
}

function decode(
  text: string,
  refuse: (what: string) => OperationalError,
): Readonly<Record<string, unknown>> {
  try {
    return decodeCheckedJson(text)
  } catch (thrown) {
    throw refuse(messageOf(thrown))
  }
}
