import { ProtocolError } from '../../lib/index.ts'

/** The name of one transaction; `uuid` and `tag` are lower-case, `tag` is '' when there is none. */
export interface Gtid {
  readonly uuid: string
  readonly tag: string
  readonly gno: bigint
}

/** The largest number a transaction may have: one less than the largest signed 64-bit integer. */
export const GNO_MOST = 2n ** 63n - 2n

export const TAG_SIZE_MOST = 32

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TAG = /^[a-z_][a-z0-9_]{0,31}$/

/** `uuid:gno`, or `uuid:tag:gno`. */
export function formatGtid(gtid: Gtid): string {
  return gtid.tag === '' ? `${gtid.uuid}:${gtid.gno}` : `${gtid.uuid}:${gtid.tag}:${gtid.gno}`
}

/** Whether the text is a uuid as GtidSet keys it: lower case, with dashes. */
export function isCanonicalUuid(text: string): boolean {
  return UUID.test(text)
}

/** Whether the text is a tag as GtidSet keys it; '' means no tag and is one too. */
export function isCanonicalTag(text: string): boolean {
  return text === '' || TAG.test(text)
}

/** @throws ProtocolError when no transaction can have this number */
export function checkGno(gno: bigint): bigint {
  if (gno < 1n || gno > GNO_MOST) throw new ProtocolError(`gno ${gno} is not 1 to ${GNO_MOST}`)
  return gno
}
