import { ProtocolError } from '../../lib/index.ts'
import { flavorOf, GNO_MOST, isCanonicalOrigin, mariadbOrigin } from './gtid.ts'
import { GtidIntervalsBuilder } from './gtid-intervals-builder.ts'
import type { Intervals } from './intervals.ts'
import { uuidFromHex } from './uuid-bytes.ts'

/*
  The text of a GTID set, as SQL statements and configuration write it

    set      := [ item { "," item } ]      items may be empty; white space anywhere between tokens
    item     := uuid { ":" part }          8-4-4-4-12 hexadecimal digits, with {} around them; or 32
             |  mariadb                    one or the other in all items
    mariadb  := domain "-" server "-" n    decimal digits; stands for 1 to n
    part     := interval | tag             a tag holds for all intervals up to the next tag
    interval := n [ "-" m ]                1 <= n, m <= 2^63 - 2; `5-1` is empty and no error
    tag      := [a-zA-Z_][a-zA-Z0-9_]{0,31}
*/
const SPACE = /[ \t\n\v\f\r]*/y
const DASHED = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const UUID = new RegExp(`\\{${DASHED}\\}|${DASHED}|[0-9a-f]{32}`, 'iy')
const NUMBER = /[0-9]+/y
const MARIADB = /[0-9]+-[0-9]+-[0-9]+(?![0-9a-f-])/iy
const TAG = /[a-z_][a-z0-9_]{0,31}(?![a-z0-9_])/iy

/** Leading zeros aside, no number within the bounds has more digits. */
const GNO_DIGITS_MOST = String(GNO_MOST).length
const QUOTED_CHARACTERS_MOST = 200

/** The intervals of the text by origin; ProtocolError when it is malformed. */
export function parseGtidSetText(text: string): Map<string, Intervals> {
  return new GtidSetParser(text).parse()
}

class GtidSetParser {
  readonly #text: string
  readonly #built = new GtidIntervalsBuilder()
  #offset = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Map<string, Intervals> {
    do this.#item()
    while (this.#accept(','))
    if (this.#offset < this.#text.length) throw this.#malformed()
    const built = this.#built.finish()
    const flavors = new Set([...built.keys()].map(flavorOf))
    if (flavors.size > 1) throw this.#malformed()
    return built
  }

  #item(): void {
    const mariadb = this.#token(MARIADB)
    if (mariadb !== undefined) return this.#mariadb(mariadb)
    const found = this.#token(UUID)
    if (found === undefined) return
    const uuid = uuidFromHex(found.toLowerCase().replaceAll(/[^0-9a-f]/g, ''))
    let key = uuid
    while (this.#accept(':')) {
      const tag = this.#token(TAG)
      if (tag === undefined) this.#interval(key)
      else key = `${uuid}:${tag.toLowerCase()}`
    }
  }

  #mariadb(text: string): void {
    const [domain = '', serverId = '', digits = ''] = text.split('-')
    const origin = mariadbOrigin(Number(domain), Number(serverId))
    if (!isCanonicalOrigin(origin)) throw this.#malformed()
    this.#built.add(origin, 1n, this.#value(digits) + 1n)
  }

  #interval(key: string): void {
    const start = this.#number()
    if (start === 0n) throw this.#malformed()
    const last = this.#accept('-') ? this.#number() : start
    this.#built.add(key, start, last + 1n)
  }

  #number(): bigint {
    const digits = this.#token(NUMBER)
    if (digits === undefined) throw this.#malformed()
    return this.#value(digits)
  }

  #value(written: string): bigint {
    const digits = written.replace(/^0+(?=.)/, '')
    if (digits.length > GNO_DIGITS_MOST) throw this.#malformed()
    const value = BigInt(digits)
    if (value > GNO_MOST) throw this.#malformed()
    return value
  }

  #accept(character: string): boolean {
    this.#skipSpace()
    if (this.#text[this.#offset] !== character) return false
    this.#offset += 1
    return true
  }

  #token(pattern: RegExp): string | undefined {
    this.#skipSpace()
    pattern.lastIndex = this.#offset
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#offset += found.length
    return found
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#offset
    SPACE.exec(this.#text)
    this.#offset = SPACE.lastIndex
  }

  #malformed(): ProtocolError {
    const quoted = this.#text.slice(0, QUOTED_CHARACTERS_MOST)
    return new ProtocolError(`malformed GTID set specification '${quoted}'`)
  }
}
