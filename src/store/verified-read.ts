import { crc32 } from '../lib/index.ts'
import type { DiskFile } from '../platform/index.ts'
import { damaged } from './disk-error.ts'
import type { Extents } from './index-file/extents.ts'
import type { IndexDirectory } from './index-file/index-directory.ts'

/** Records [first, last) of a stretch, whose bytes are the file's [from, to). */
export interface Span {
  readonly extents: Extents
  readonly first: number
  readonly last: number
  readonly from: number
  readonly to: number
}

/**
 * The whole records from the one that holds `position` on that begin before `limit` and fit
 * `sizeMax` bytes.
 */
export function planRead(
  directory: IndexDirectory,
  position: number,
  limit: number,
  sizeMax: number,
): Span {
  const { extents, index } = directory.find(position)
  const from = extents.startOf(index)
  let last = index + 1
  while (
    last < extents.count &&
    extents.startOf(last) < limit &&
    extents.endOf(last) - from <= sizeMax
  ) {
    last += 1
  }
  return { extents, first: index, last, from, to: extents.endOf(last - 1) }
}

/**
 * Where the first record begins whose bytes in `bytes`, read from `span.from`, are not those that
 * were stored.
 */
export function findDamage(span: Span, bytes: Uint8Array): number | undefined {
  const { extents, from } = span
  for (let index = span.first; index < span.last; index += 1) {
    const start = extents.startOf(index)
    const end = extents.endOf(index)
    const record = bytes.subarray(start - from, end - from)
    if (record.length < end - start || crc32(record) !== extents.crcOf(index)) return start
  }
  return undefined
}

/** @throws OperationalError E_STORE_DAMAGED, naming file and position */
export function checkSpan(name: string, span: Span, bytes: Uint8Array): void {
  const position = findDamage(span, bytes)
  if (position === undefined) return
  const end = span.extents.endOf(span.extents.find(position))
  const what =
    `the bytes up to ${end} are not those that were stored; this file is not served from there on; ` +
    `run kingbus repair ${name}`
  throw damaged(name, position, what)
}

/** Compares the file's bytes [from, to) with the index. @throws OperationalError E_STORE_DAMAGED */
export function verifyRange(
  name: string,
  file: DiskFile,
  directory: IndexDirectory,
  range: { readonly from: number; readonly to: number },
): void {
  for (const { span, bytes } of readRange(file, directory, range)) checkSpan(name, span, bytes)
}

/**
 * Where the first record in [from, to) begins whose bytes are not those that were stored.
 * @param sees is shown those that are, from the record on that holds `from`, in order
 */
export function firstDamage(
  file: DiskFile,
  directory: IndexDirectory,
  range: { readonly from: number; readonly to: number },
  sees?: (bytes: Buffer, position: number) => void,
): number | undefined {
  for (const { span, bytes } of readRange(file, directory, range)) {
    const position = findDamage(span, bytes)
    if (position !== undefined) return position
    sees?.(bytes, span.from)
  }
  return undefined
}

function* readRange(
  file: DiskFile,
  directory: IndexDirectory,
  range: { readonly from: number; readonly to: number },
): Generator<{ span: Span; bytes: Buffer }> {
  const buffer = Buffer.allocUnsafe(2 * 1024 * 1024)
  for (let at = range.from; at < range.to; ) {
    const span = planRead(directory, at, range.to, buffer.length)
    const bytes = buffer.subarray(0, span.to - span.from)
    yield { span, bytes: bytes.subarray(0, file.read(bytes, span.from)) }
    at = span.to
  }
}
