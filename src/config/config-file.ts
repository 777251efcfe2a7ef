/*
  The YAML file: sections and keys, `source:` with `start-at:` below it, or `source.start-at:` at once.
*/

import { isMap, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml'
import { messageOf, OperationalError } from '../lib/index.ts'
import type { Disk } from '../platform/index.ts'
import type { Given, GivenKeys } from './given.ts'
import { isKey, KEY_NAMES, type Key } from './keys.ts'
import { unknownKeyError } from './unknown-key.ts'

/** @throws OperationalError E_CONFIG_UNREADABLE, E_CONFIG_INVALID, E_SECRET_EXPOSED */
export async function readConfigFile(disk: Disk, path: string): Promise<GivenKeys> {
  let bytes: Buffer
  try {
    bytes = await disk.readFile(path)
  } catch (cause) {
    const message = `the configuration file ${path} cannot be read: ${messageOf(cause)}`
    throw new OperationalError('E_CONFIG_UNREADABLE', message, {}, { cause })
  }
  return new FileReader(path, bytes.toString('utf8')).read()
}

class FileReader {
  readonly #path: string
  readonly #text: string
  readonly #lines = new LineCounter()
  readonly #given = new Map<Key, Given>()

  constructor(path: string, text: string) {
    this.#path = path
    this.#text = text
  }

  read(): GivenKeys {
    const document = parseDocument(this.#text, { lineCounter: this.#lines })
    const fault = document.errors[0]
    if (fault !== undefined) throw this.#invalid(fault.pos[0], fault.message.split('\n')[0] ?? '')
    if (document.contents === null) return this.#given
    if (!isMap(document.contents))
      throw this.#invalid(0, 'holds no keys; see `kingbus config init`')
    this.#section('', document.contents)
    return this.#given
  }

  #section(prefix: string, section: YAMLMap): void {
    for (const pair of section.items) this.#pair(prefix, pair)
  }

  #pair(prefix: string, { key, value }: Pair): void {
    if (!isScalar(key)) throw this.#invalid(0, 'a key must be a plain word')
    const name = `${prefix}${String(key.value)}`
    const offset = key.range?.[0] ?? 0
    const isSection = KEY_NAMES.some((known) => known.startsWith(`${name}.`))
    if (isMap(value) && isSection) {
      this.#section(`${name}.`, value)
      return
    }
    const empty = value === null || (isScalar(value) && value.value === null)
    if (isSection && empty) return
    if (!isKey(name)) throw unknownKeyError(name, this.#place(offset))
    if (empty) return
    if (!isScalar(value))
      throw this.#invalid(offset, `${name} takes one value, not a list or section`)
    if (this.#given.has(name)) throw this.#invalid(offset, `${name} is given twice`)
    const text =
      typeof value.value === 'string' ? value.value : (value.source ?? String(value.value))
    this.#given.set(name, { text, place: this.#place(offset) })
  }

  #place(offset: number): string {
    return `${this.#path}:${this.#lines.linePos(offset).line}`
  }

  #invalid(offset: number, message: string): OperationalError {
    return new OperationalError('E_CONFIG_INVALID', `${this.#place(offset)}: ${message}`)
  }
}
