import { crc32Text } from './crc32.ts'

/*
  The small files of a data directory: JSON that people can read, replaced as a whole, with a check of its own, since a
  bit that flips in a number or a uuid leaves it readable.

      {
        "check": "5d0a7c1e",     CRC-32 of the rest as JSON without white space, 8 hexadecimal digits
        "formatVersion": 1,
        ...
      }

  It stands first, so that who edits a file by hand can take the line away: a file without it is believed.
*/
type Fields = Readonly<Record<string, unknown>>

export function encodeCheckedJson(content: object): Buffer {
  const check = crc32Text(JSON.stringify(content))
  return Buffer.from(`${JSON.stringify({ check, ...content }, null, 2)}\n`)
}

/**
 * The content without its check.
 * @throws Error that says what is wrong, and nothing of the text, which may have a password
 */
export function decodeCheckedJson(text: string): Fields {
  const { check, ...content } = parseObject(text)
  if (check === undefined || check === crc32Text(JSON.stringify(content))) return content
  throw new Error(
    'its content is not the one that "check" was made of: a byte has changed on the disk, ' +
      'or it was edited (then take the line "check" away)',
  )
}

function parseObject(text: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // What JSON.parse says quotes the text.
    throw new Error('it is not JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new Error('it is no JSON object')
}
