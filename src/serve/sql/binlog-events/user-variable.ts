import { Reader } from '../../../mysql/index.ts'

/*
  The body of USER_VAR

    u32 + n  name
    u8       1 when the value is NULL: nothing follows
    u8       type: 0 text, 1 floating point, 2 whole number, 4 decimal
    u32      collation of a text
    u32 + n  value, numbers little-endian
    u8       flags, bit 0: a whole number without a sign
*/
const TEXT = 0
const FLOATING = 1
const WHOLE = 2
const UNSIGNED = 1

/** `%.14g` */
const DIGITS = 14

/** Names that MySQL gives to the collations which clients have by default, with their character sets. */
const COLLATIONS: ReadonlyMap<number, readonly [characterSet: string, collation: string]> = new Map(
  [
    [8, ['latin1', 'latin1_swedish_ci']],
    [33, ['utf8mb3', 'utf8mb3_general_ci']],
    [45, ['utf8mb4', 'utf8mb4_general_ci']],
    [46, ['utf8mb4', 'utf8mb4_bin']],
    [63, ['binary', 'binary']],
    [224, ['utf8mb4', 'utf8mb4_unicode_ci']],
    [255, ['utf8mb4', 'utf8mb4_0900_ai_ci']],
  ],
)

/**
 * What MySQL says of a variable that a statement needs; '' for a decimal and for a text in another collation.
 * @throws ProtocolError
 */
export function userVariableInfo(reader: Reader): string {
  const name = reader.bytes(reader.u32()).toString('utf8').replaceAll('`', '``')
  const value = reader.u8() === 0 ? valueOf(reader) : 'NULL'
  return value === undefined ? '' : `@\`${name}\`=${value}`
}

function valueOf(reader: Reader): string | undefined {
  const type = reader.u8()
  const collation = COLLATIONS.get(reader.u32())
  const bytes = reader.bytes(reader.u32())
  if (type === TEXT && collation !== undefined) {
    const [characterSet, name] = collation
    return `_${characterSet} 0x${bytes.toString('hex').toUpperCase()} COLLATE ${name}`
  }
  const number = new Reader(bytes)
  if (type === FLOATING) return String(Number(number.bytes(8).readDoubleLE().toPrecision(DIGITS)))
  if (type !== WHOLE) return undefined
  const whole = number.u64()
  const isUnsigned = reader.remaining > 0 && (reader.u8() & UNSIGNED) !== 0
  return String(isUnsigned ? whole : BigInt.asIntN(64, whole))
}
