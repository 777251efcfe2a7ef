/* Whose the files are: by its uuid Kingbus knows the source again, and refuses another one. */
import { dirname, join } from 'node:path'
import { OperationalError, present } from '../lib/index.ts'
import { uuidOfServerId } from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'
import type { FileHead } from './file-head.ts'

export interface SourceIdentity {
  /** lower case, with dashes */
  readonly uuid: string
  readonly foundIn: string
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const UUID_SIZE = 36

/**
 * What was said; else auto.cnf beside the files, which a server has in its data directory; else whose the transactions
 * are, if they are all of one server.
 * @throws OperationalError E_CONFIG_INVALID, E_IMPORT_REFUSED
 */
export async function identify(
  disk: Disk,
  heads: readonly FileHead[],
  said: string | undefined,
): Promise<SourceIdentity> {
  if (said !== undefined) {
    if (UUID.test(said)) return { uuid: said.toLowerCase(), foundIn: '--source-uuid' }
    throw new OperationalError('E_CONFIG_INVALID', `--source-uuid: '${said}' is not a uuid`)
  }
  const newest = present(heads.at(-1), 'a file')
  if (newest.format.flavor === 'mariadb') {
    const foundIn = `server id ${newest.serverId} in ${newest.path}, as MariaDB has no uuid`
    return { uuid: uuidOfServerId(newest.serverId), foundIn }
  }
  const path = join(dirname(newest.path), 'auto.cnf')
  const written = await uuidIn(disk, path)
  if (written !== undefined) return { uuid: written, foundIn: path }
  const all = new Set(
    heads.flatMap(({ previous, firstOrigin }) => [
      ...previous.uuids(),
      ...(firstOrigin === undefined ? [] : [firstOrigin.slice(0, UUID_SIZE)]),
    ]),
  )
  const [uuid] = all
  if (uuid !== undefined && all.size === 1) {
    return { uuid, foundIn: 'the transactions, which are all of this server' }
  }
  throw new OperationalError(
    'E_IMPORT_REFUSED',
    `the files do not say which server wrote them (their transactions are of ${all.size}); ` +
      'give --source-uuid: SELECT @@server_uuid at the source',
    { uuids: [...all].join(', ') },
  )
}

async function uuidIn(disk: Disk, path: string): Promise<string | undefined> {
  if (!(await disk.exists(path))) return undefined
  const text = (await disk.readFile(path)).toString('utf8')
  const found = /^\s*server[-_]uuid\s*=\s*(\S+)\s*$/im.exec(text)?.[1]
  return found !== undefined && UUID.test(found) ? found.toLowerCase() : undefined
}
