import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { Kingbus } from './kingbus.ts'
import type { Mysqld } from './mysqld.ts'
import { pause } from './wait.ts'

const systemSchemas = "('mysql','sys','performance_schema','information_schema')"

/** CHECKSUM TABLE of every table that is not the server's own, by name. */
export async function tableChecksums(server: Mysqld): Promise<Map<string, string>> {
  const tables = await server.sql(
    `SELECT CONCAT('\`', table_schema, '\`.\`', table_name, '\`') AS name
     FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ${systemSchemas} ORDER BY 1`,
  )
  const checksums = new Map<string, string>()
  if (tables.length === 0) return checksums
  const names = tables.map((row) => String(row['name']))
  for (const row of await server.sql(`CHECKSUM TABLE ${names.join(', ')}`)) {
    checksums.set(String(row['Table']), String(row['Checksum']))
  }
  return checksums
}

/** In what two servers differ: tables, contents and GTID sets; an empty list when in nothing. */
export async function serverDifferences(one: Mysqld, other: Mysqld): Promise<string[]> {
  const differences: string[] = []
  const [left, right] = [await tableChecksums(one), await tableChecksums(other)]
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const [mine, theirs] = [left.get(name) ?? 'no table', right.get(name) ?? 'no table']
    if (mine !== theirs) differences.push(`${name}: checksum ${mine} against ${theirs}`)
  }
  const [gtids, otherGtids] = [await one.gtidExecuted(), await other.gtidExecuted()]
  if (gtids !== otherGtids) differences.push(`gtid_executed: ${gtids} against ${otherGtids}`)
  return differences
}

// Flags of the FORMAT_DESCRIPTION event: 4 bytes of magic, 17 bytes into the header. The source sets
// LOG_EVENT_BINLOG_IN_USE_F there on disk while it writes the file; it never sends the bit.
const inUseFlagPosition = 21
const pieceBytes = 1 << 20

// A file without transactions (after a restart of the source) arrives when Kingbus has reconnected.
const arrivalMsMost = 30_000

export interface FileDifference {
  readonly name: string
  readonly what: string
}

/**
 * Compares two binlog files byte by byte but for the IN_USE flag; undefined when equal.
 * @param asPrefix the first may end before the second does (a file that is still being written)
 */
export function fileDifference(
  path: string,
  otherPath: string,
  asPrefix: boolean,
): string | undefined {
  const [file, other] = [openSync(path, 'r'), openSync(otherPath, 'r')]
  try {
    const [size, otherSize] = [fstatSync(file).size, fstatSync(other).size]
    if (asPrefix ? size > otherSize : size !== otherSize) {
      return `${size} bytes against ${otherSize}`
    }
    const [piece, otherPiece] = [Buffer.alloc(pieceBytes), Buffer.alloc(pieceBytes)]
    for (let position = 0; position < size; position += pieceBytes) {
      const wanted = Math.min(pieceBytes, size - position)
      const left = readWhole(file, piece.subarray(0, wanted), position)
      const right = readWhole(other, otherPiece.subarray(0, wanted), position)
      if (left.length < wanted || right.length < wanted) {
        return `of the ${wanted} bytes at ${position} there were ${left.length} and ${right.length}`
      }
      if (position === 0) left[inUseFlagPosition] = right[inUseFlagPosition] ?? 0
      if (left.equals(right)) continue
      const index = left.findIndex((byte, at) => byte !== right[at])
      return `first different byte at position ${position + index}`
    }
    return undefined
  } finally {
    closeSync(file)
    closeSync(other)
  }
}

/** Fills `into`, as far as the file goes: one read may give less. */
function readWhole(file: number, into: Buffer, position: number): Buffer {
  let at = 0
  for (let count = -1; count !== 0 && at < into.length; at += count) {
    count = readSync(file, into, at, into.length - at, position + at)
  }
  return into.subarray(0, at)
}

/** How many files were compared and in what they differ. */
export interface BinlogComparison {
  readonly files: number
  readonly bytes: number
  readonly differences: FileDifference[]
}

/** Waits until Kingbus has the source's last file up to its end; what is missing is compared after. */
async function binlogEnd(source: Mysqld, kingbus: Kingbus): Promise<void> {
  const last = (await source.binlogs()).at(-1)
  const arrived = async (): Promise<boolean> => {
    const held = kingbus.binlogs().find(({ name }) => name === last?.name)
    return held !== undefined && statSync(held.path).size === last?.size
  }
  const deadline = performance.now() + arrivalMsMost
  while (!(await arrived()) && performance.now() < deadline) await pause(50)
}

/**
 * Kingbus's files against those of the same names in the source's data folder, as soon as it has
 * the end of the last one. The source must be at rest.
 */
export async function compareBinlogs(source: Mysqld, kingbus: Kingbus): Promise<BinlogComparison> {
  await binlogEnd(source, kingbus)
  const theirs = new Map((await source.binlogs()).map((file) => [file.name, file]))
  const last = [...theirs.keys()].at(-1)
  const differences: FileDifference[] = []
  const held = kingbus.binlogs()
  let bytes = 0
  for (const { name, path } of held) {
    const file = theirs.get(name)
    if (file === undefined) {
      differences.push({ name, what: 'the source has no such file' })
      continue
    }
    bytes += file.size
    const what = fileDifference(path, file.path, name === last)
    if (what !== undefined) differences.push({ name, what })
  }
  const names = new Set(held.map(({ name }) => name))
  for (const name of theirs.keys()) {
    if (!names.has(name)) differences.push({ name, what: 'Kingbus has no such file' })
  }
  return { files: held.length, bytes, differences }
}
