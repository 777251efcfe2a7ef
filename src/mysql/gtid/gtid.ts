import { ProtocolError } from '../../lib/index.ts'

/** The name of one transaction: who numbers it, and its number there. */
export interface Gtid {
  /** `uuid` or `uuid:tag`, lower-case */
  readonly origin: string
  readonly gno: bigint
}

/** The largest number a transaction may have: one less than the largest signed 64-bit integer. */
export const GNO_MOST = 2n ** 63n - 2n

export const TAG_SIZE_MOST = 32
/** An origin begins with a uuid of so many characters. */
export const UUID_TEXT_SIZE = 36

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TAG = /^[a-z_][a-z0-9_]{0,31}$/

/** `uuid:gno`, or `uuid:tag:gno`. */
export function formatGtid({ origin, gno }: Gtid): string {
  return `${origin}:${gno}`
}

/** The origin of a uuid (lower case, with dashes) and a tag, which is '' when there is none. */
export function originOf(uuid: string, tag: string): string {
  return tag === '' ? uuid : `${uuid}:${tag}`
}

/** Whether the text is an origin as GtidSet keys it: in lower case. */
export function isCanonicalOrigin(text: string): boolean {
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
