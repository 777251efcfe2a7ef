import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'

/*
  The status variables of a QUERY: for each one its code, a u8, and a value whose size follows from the code. Servers
  add codes at the end, so that what stands behind an unknown one cannot be read. Where they stand says query.ts.
*/
const SIZE_OFFSET = 30
const VARIABLES_OFFSET = 32
const DDL_XID = 17

const fixed =
  (size: number) =>
  (reader: Reader): void =>
    reader.skip(size)
const text = (reader: Reader): void => reader.skip(reader.u8())

/** More names than a server counts: it leaves them out. */
const NAMES_TOO_MANY = 254

function databases(reader: Reader): void {
  const count = reader.u8()
  if (count === NAMES_TOO_MANY) return
  for (let index = 0; index < count; index += 1) while (reader.u8() !== 0) continue
}

function twoTexts(reader: Reader): void {
  text(reader)
  text(reader)
}

/** How to pass over each variable. */
const PASS: ReadonlyMap<number, (reader: Reader) => void> = new Map([
  [0, fixed(4)],
  [1, fixed(8)],
  [
    2,
    (reader: Reader) => {
      text(reader)
      reader.skip(1)
    },
  ],
  [3, fixed(4)],
  [4, fixed(6)],
  [5, text],
  [6, text],
  [7, fixed(2)],
  [8, fixed(2)],
  [9, fixed(8)],
  [10, fixed(4)],
  [11, twoTexts],
  [12, databases],
  [13, fixed(3)],
  [14, fixed(4)],
  [15, fixed(4)],
  [16, fixed(1)],
  [18, fixed(2)],
  [19, fixed(1)],
  [20, fixed(1)],
])

/**
 * The number of the transaction that a definition was logged with; undefined when it has none, or that cannot be told.
 * @param event a QUERY, its first bytes
 */
export function queryXid(event: Buffer): bigint | undefined {
  try {
    const size = new Reader(event, SIZE_OFFSET).u16()
    const reader = new Reader(event.subarray(VARIABLES_OFFSET, VARIABLES_OFFSET + size))
    while (reader.remaining > 0) {
      const code = reader.u8()
      if (code === DDL_XID) return reader.u64()
      const pass = PASS.get(code)
      if (pass === undefined) return undefined
      pass(reader)
    }
    return undefined
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return undefined
    throw thrown
  }
}
