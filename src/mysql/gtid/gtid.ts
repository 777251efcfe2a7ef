import { ProtocolError } from '../../lib/index.ts'

/** The name of one transaction: who numbers it, and its number there. */
export interface Gtid {
  /** `uuid` or `uuid:tag`, lower-case; of MariaDB `domain-server`, in decimal digits */
  readonly origin: string
  readonly gno: bigint
}

/** Whose kind of GTIDs, and of binlogs: a store and its source have one and the same. */
export type Flavor = 'mysql' | 'mariadb'

/** The largest number a transaction may have: one less than the largest signed 64-bit integer. */
export const GNO_MOST = 2n ** 63n - 2n

export const TAG_SIZE_MOST = 32
/** An origin begins with a uuid of so many characters. */
export const UUID_TEXT_SIZE = 36

const U32_MOST = 2 ** 32 - 1
const MARIADB_ORIGIN = /^(?:0|[1-9]\d{0,9})-(?:0|[1-9]\d{0,9})$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TAG = /^[a-z_][a-z0-9_]{0,31}$/

/** `uuid:gno`, or `uuid:tag:gno`; of MariaDB `domain-server-gno`. */
export function formatGtid({ origin, gno }: Gtid): string {
  return flavorOf(origin) === 'mariadb' ? `${origin}-${gno}` : `${origin}:${gno}`
}

/** No MariaDB origin is as long as a uuid. */
export function flavorOf(origin: string): Flavor {
  return origin.length < UUID_TEXT_SIZE ? 'mariadb' : 'mysql'
}

/** The origin of what a MariaDB server commits in a domain; both are 32-bit numbers. */
export function mariadbOrigin(domain: number, serverId: number): string {
  return `${domain}-${serverId}`
}

export function mariadbOriginParts(origin: string): { domain: number; serverId: number } {
  const [domain, serverId] = origin.split('-')
  return { domain: Number(domain), serverId: Number(serverId) }
}

/** The origin of a uuid (lower case, with dashes) and a tag, which is '' when there is none. */
export function originOf(uuid: string, tag: string): string {
  return tag === '' ? uuid : `${uuid}:${tag}`
}

/** Whether the text is an origin as GtidSet keys it: in lower case. */
export function isCanonicalOrigin(text: string): boolean {
  if (flavorOf(text) === 'mariadb') {
    const { domain, serverId } = mariadbOriginParts(text)
    return MARIADB_ORIGIN.test(text) && domain <= U32_MOST && serverId <= U32_MOST
  }
  const uuid = text.slice(0, UUID_TEXT_SIZE)
  const tag = text.slice(UUID_TEXT_SIZE + 1)
  return UUID.test(uuid) && isCanonicalTag(tag) && text === originOf(uuid, tag)
}

/** Whether the text is a tag in lower case; '' means no tag and is one too. */
export function isCanonicalTag(text: string): boolean {
  return text === '' || TAG.test(text)
}

/** @throws ProtocolError when no transaction can have this number */
export function checkGno(gno: bigint): bigint {
  if (gno < 1n || gno > GNO_MOST) throw new ProtocolError(`gno ${gno} is not 1 to ${GNO_MOST}`)
  return gno
}
