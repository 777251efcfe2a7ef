import { isDeepStrictEqual } from 'node:util'
import { formatAddress, type Key, type LoadedConfig } from '../config/index.ts'
import type { Desired } from './desired.ts'

/** A key whose value in the configuration is not the one that holds. */
export interface Difference {
  readonly key: Key
  /** as it stands in the configuration; undefined for a secret */
  readonly configured: string | undefined
  /** where that stands: `kingbus.yaml:12` */
  readonly place: string
  /** what holds, as it would be written there; undefined for a secret */
  readonly held: string | undefined
}

const NONE = '(none)'

/** What each key would have to be so that the configuration says what holds. */
const TEXTS: Partial<Record<Key, (desired: Desired) => string>> = {
  'source.url': ({ source }) =>
    source === undefined
      ? NONE
      : `mysql://${encodeURIComponent(source.user)}@${formatAddress(source)}`,
  'source.tls': ({ source }) => source?.tls ?? NONE,
  'source.ca-file': ({ source }) => source?.caFile ?? NONE,
  'source.start-at': ({ source }) => source?.startAt ?? NONE,
  'source.semi-sync': ({ source }) => String(source?.semiSync ?? NONE),
  'source.server-id': ({ self }) => String(self.serverId),
  'source.server-uuid': ({ self }) => self.uuid,
  'retention.max-size': ({ retention }) => String(retention.maxSizeBytes ?? NONE),
  'retention.max-age': ({ retention: { maxAgeMs } }) =>
    maxAgeMs === undefined ? NONE : `${maxAgeMs}ms`,
  'retention.keep-for-absent-replicas': ({ retention }) => `${retention.keepForAbsentReplicasMs}ms`,
  'retention.ceiling': ({ retention }) => String(retention.ceilingBytes ?? NONE),
}

/**
 * Where the configuration gives a key another value than the one that holds. What it leaves to the defaults says
 * nothing.
 * @param first what the configuration wants
 */
export function differences(
  first: Desired,
  held: Desired,
  given: LoadedConfig['given'],
): Difference[] {
  const found: Difference[] = []
  for (const [key, { text, place }] of given) {
    const textOf = TEXTS[key]
    // Without a source the URL says it all.
    if (textOf === undefined || (isOfSource(key) && held.source === undefined)) continue
    if (!isDeepStrictEqual(textOf(first), textOf(held))) {
      found.push({ key, configured: text, place, held: textOf(held) })
    }
  }
  const file = given.get('source.password-file')
  if (file !== undefined && held.source !== undefined && first.source !== undefined) {
    if (first.source.password !== held.source.password) {
      const { place } = file
      found.push({ key: 'source.password-file', configured: undefined, place, held: undefined })
    }
  }
  return found
}

function isOfSource(key: Key): boolean {
  return key.startsWith('source.') && key !== 'source.url'
}
