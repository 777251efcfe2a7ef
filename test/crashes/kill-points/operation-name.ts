/*
  What a process does with its disk, named so that a table of fault points can speak of it: the kind of operation, the
  kind of file, and what was written: `write index: cut`, `sync binlog: bytes`, `remove index`, `sync folder`.
*/
import { basename, dirname } from 'node:path'
import { BINLOG_MAGIC } from '../../../src/mysql/index.ts'
import { SYNCED_BEFORE, Tag } from '../../../src/store/index-file/index-entry.ts'

const BINLOG = /\.\d{6,}$/
const INDEX = /\.\d{6,}\.idx$/
/** Both marks of a tag: of an epoch, and of what is synced before. */
const MARKS = 0x80 | SYNCED_BEFORE

/** The first entry of a write says what it is for: entries are never divided between two writes. */
const ENTRIES = new Map<number, string>(
  Object.entries(Tag).map(([name, tag]) => [tag, name.toLowerCase().replaceAll('_', '-')]),
)
/** of the magic bytes, `K` */
const HEAD = 0x4b
const RESERVED = 0

/** The kind of a file: binlog, index, or the name of one that there is once. */
export function kindOf(path: string): string {
  const name = basename(path)
  const folder = basename(dirname(path))
  const aside = folder === 'lost+found' || folder === 'adopted' ? ` in ${folder}` : ''
  if (INDEX.test(name)) return `index${aside}`
  if (BINLOG.test(name)) return `binlog${aside}`
  return name
}

/**
 * What a write is for.
 * @param size of the file before it
 */
export function contentOf(path: string, bytes: Uint8Array, position: number, size: number): string {
  const kind = kindOf(path)
  if (kind.startsWith('index')) return entryOf(bytes[0] ?? RESERVED)
  if (position === 0 && bytes.length === BINLOG_MAGIC.length) return 'magic'
  return position < size ? 'bytes again' : 'bytes'
}

function entryOf(first: number): string {
  if (first === HEAD) return 'head'
  if (first === RESERVED) return 'room'
  return ENTRIES.get(first & ~MARKS) ?? 'unknown'
}
