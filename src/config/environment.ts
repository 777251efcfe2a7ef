/*
  Variables: KINGBUS_ and the key. Beside the keys there are a few that are no settings of a node.
*/
import { OperationalError } from '../lib/index.ts'
import type { Environment, Given } from './given.ts'
import { KEY_NAMES, type Key, variableOf } from './keys.ts'
import { exposedSecretError, nearestVariable, SECRETS } from './unknown-key.ts'

/** Variables that other parts read, and no key has. */
export const OTHER_VARIABLES = {
  KINGBUS_CONFIG: 'The configuration file, as `--config`',
  KINGBUS_ADMIN: 'Where commands find the running node, as `--admin`',
  KINGBUS_SOURCE_PASSWORD: 'The password for the source, in place of `source.password-file`',
  KINGBUS_MYSQL_DIR:
    'For the demo and the tests: a folder with an unpacked MySQL 9.7 (`bin/mysqld`)',
  KINGBUS_ETCD_DIR: 'For the tests: a folder with etcd 3.5.30 or later (`bin/etcd`)',
  KINGBUS_MARIADB_DIR: 'For the tests: a folder that `scripts/get-mariadb` has made elsewhere',
  KINGBUS_XFSPROGS_DIR: 'For the tests: a folder that `scripts/get-xfsprogs` has made elsewhere',
  KINGBUS_NFTABLES_DIR: 'For the tests: a folder that `scripts/get-nftables` has made elsewhere',
  KINGBUS_ALLOW_UNSIGNED: 'For the demo and the tests: 1 takes Debian packages without signatures',
} as const

/** Kubernetes gives these to every container beside a service whose name begins with `kingbus`. */
const KUBERNETES =
  /^KINGBUS(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$|^KINGBUS(_\w+)?_PORT$/

export interface ReadEnvironment {
  readonly given: ReadonlyMap<Key, Given>
  readonly warnings: readonly string[]
}

/**
 * An empty variable counts as not set. One that resembles a key is refused; any other is ignored with a
 * warning, since the environment does not belong to us alone.
 * @throws OperationalError E_CONFIG_INVALID, E_SECRET_EXPOSED
 */
export function readEnvironment(environment: Environment): ReadEnvironment {
  const keys = new Map<string, Key>(KEY_NAMES.map((key) => [variableOf(key), key]))
  const given = new Map<Key, Given>()
  const warnings: string[] = []
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('KINGBUS_') || text === undefined || text === '') continue
    const key = keys.get(name)
    if (key !== undefined) given.set(key, { text, place: name })
    else if (!Object.hasOwn(OTHER_VARIABLES, name) && !KUBERNETES.test(name)) {
      warnings.push(ignored(name))
    }
  }
  return { given, warnings }
}

function ignored(name: string): string {
  const secret = SECRETS.find(({ key }) => variableOf(key) === name)
  if (secret !== undefined) throw exposedSecretError(secret, name)
  const known = nearestVariable(name)
  if (known === undefined) return `${name} is no setting of kingbus and is ignored`
  throw new OperationalError(
    'E_CONFIG_INVALID',
    `unknown environment variable ${name}; did you mean ${known}?`,
  )
}
