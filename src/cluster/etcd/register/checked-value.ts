import { crc32Text, messageOf } from '../../../lib/index.ts'

/*
  etcd's database has no checksums of its own: a bit that flips on a member's disk is handed out by
  linearizable reads. So every value of ours carries one, as text that etcdctl shows:

      1 5d0a7c1e {"cluster":"…","version":7,…}
      │ │        └ JSON
      │ └ CRC-32 of the JSON, 8 hexadecimal digits
      └ version of this format
*/
const FORMAT = /^1 ([0-9a-f]{8}) (.*)$/s

/** A value that is not as somebody wrote it, or not as this version of Kingbus understands it. */
export class DamagedValueError extends Error {
  override readonly name = 'DamagedValueError'
}

export function encodeChecked(content: unknown): Buffer {
  const json = JSON.stringify(content)
  return Buffer.from(`1 ${crc32Text(json)} ${json}`)
}

/** @param parse checks the content and throws when it is not what it should be */
export function decodeChecked<T>(value: Buffer, parse: (content: unknown) => T): T {
  const text = value.toString('utf8')
  const [, checksum, json] = FORMAT.exec(text) ?? []
  if (checksum === undefined || json === undefined) {
    throw new DamagedValueError('it is not in the format of this version')
  }
  // Bytes that are no UTF-8 read as other bytes, so they are compared as they came.
  if (!Buffer.from(text).equals(value) || crc32Text(json) !== checksum) {
    throw new DamagedValueError('its checksum is wrong')
  }
  try {
    return parse(JSON.parse(json))
  } catch (thrown) {
    throw new DamagedValueError(`its content is wrong: ${messageOf(thrown)}`)
  }
}
