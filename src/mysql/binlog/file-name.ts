import { ProtocolError, toSafeNumber } from '../../lib/index.ts'

/** The longest name of a file that the server handles. */
const FILE_NAME_SIZE_MOST = 512

/**
 * The name of a binlog file as it stands in an event. Only what no server would ever write is
 * refused: whoever opens a file by such a name checks it again by its own rules.
 */
export function decodeFileName(bytes: Buffer): string {
  if (bytes.length === 0 || bytes.length > FILE_NAME_SIZE_MOST) {
    throw new ProtocolError(`file name of ${bytes.length} bytes is not 1 to ${FILE_NAME_SIZE_MOST}`)
  }
  if (bytes.includes(0)) throw new ProtocolError('file name holds a NUL')
  return bytes.toString('utf8')
}

/*
  The number alone orders names (`STEM.NUMBER`), compared as a number, so that `binlog.1000000` comes after
  `binlog.999999`, and a file of another server, whose stem may differ, stands where its number says.
*/
const NUMBERED = /^(.*\.)(\d+)$/

function partsOf(name: string): { readonly stem: string; readonly digits: string } {
  const [, stem = '', digits = ''] = NUMBERED.exec(name) ?? []
  if (digits === '') throw new ProtocolError(`'${name}' is not the name of a binlog file`)
  return { stem, digits }
}

export function fileNumber(name: string): number {
  return toSafeNumber(BigInt(partsOf(name).digits), 'the number of a binlog file')
}

/** Negative when `a` comes before `b`. */
export function compareFileNames(a: string, b: string): number {
  return fileNumber(a) - fileNumber(b) || (a < b ? -1 : a > b ? 1 : 0)
}

/** The name after this one, as servers give them: the number grows by one, in at least as many digits. */
export function nextFileName(name: string): string {
  const { stem, digits } = partsOf(name)
  return stem + String(BigInt(digits) + 1n).padStart(digits.length, '0')
}
