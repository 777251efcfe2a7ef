/*
  Refuses what is not a key, with the right way to say it: the nearest key, or a file for a secret.
*/
import { OperationalError } from '../lib/index.ts'
import { KEY_NAMES, variableOf } from './keys.ts'
import { nearest } from './nearest.ts'

/** What people would write to give a secret itself, and what to write in its place. */
export const SECRETS = [
  {
    key: 'source.password',
    remedy: 'set source.password-file to a file with it (mode 0600) or KINGBUS_SOURCE_PASSWORD',
  },
  {
    key: 'serve.metadata-password',
    remedy: 'set serve.metadata-password-file to a file with it (mode 0600)',
  },
  {
    key: 'admin.token',
    remedy: 'set admin.token-file to a file with it (mode 0600)',
  },
  {
    key: 'cluster.secret',
    remedy: 'set cluster.secret-file to a file with it (mode 0600)',
  },
] as const

/** A known key that the unknown one may have meant; a last part alone (`start-at`) finds its section. */
function suggestion(key: string): string | undefined {
  const inSection = KEY_NAMES.filter((known) => known.endsWith(`.${key}`))
  return inSection.length === 1 ? inSection[0] : nearest(key, KEY_NAMES)
}

export function unknownKeyError(key: string, place: string): OperationalError {
  const secret = SECRETS.find((entry) => entry.key === key)
  if (secret !== undefined) return exposedSecretError(secret, place)
  const known = suggestion(key)
  const hint =
    known === undefined ? 'see `kingbus config init` for all keys' : `did you mean ${known}?`
  return new OperationalError('E_CONFIG_INVALID', `${place}: unknown key ${key}; ${hint}`)
}

export function exposedSecretError(
  secret: (typeof SECRETS)[number],
  place: string,
): OperationalError {
  const message = `${place}: a secret is never given here, where others can read it; ${secret.remedy}`
  return new OperationalError('E_SECRET_EXPOSED', message)
}

/** The right variable for one that no key has; undefined when it resembles none. */
export function nearestVariable(name: string): string | undefined {
  return nearest(name, KEY_NAMES.map(variableOf))
}
