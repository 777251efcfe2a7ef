import { ProtocolError, toSafeNumber } from '../lib/index.ts'
import { nextFileName } from '../mysql/index.ts'

/*
  Names of binlog files: `STEM.NUMBER`, as MySQL gives them. The number alone orders them, compared as a
  number, so that `binlog.1000000` comes after `binlog.999999` and a file of another source, whose stem
  may differ, stands where its number says.
*/
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@+=,~-]{0,200}\.(\d{1,15})$/

/**
 * True for a name that may be used for a file of ours: it names no other folder and cannot be one
 * of our own files.
 */
export function isFileName(name: string): boolean {
  return NAME.test(name)
}

const INDEX = '.idx'

/** The name, or path, of the index of a binlog file. */
export function indexNameOf(name: string): string {
  return `${name}${INDEX}`
}

/** Whether a file of the folder is the index of a binlog file. */
export function isIndexName(file: string): boolean {
  return file.endsWith(INDEX) && isFileName(binlogOf(file))
}

/** The binlog file that a file of the folder is, or is the index of. */
export function binlogOf(file: string): string {
  return file.endsWith(INDEX) ? file.slice(0, -INDEX.length) : file
}

export function fileNumber(name: string): number {
  const digits = NAME.exec(name)?.[1]
  if (digits === undefined) throw new ProtocolError(`'${name}' is not the name of a binlog file`)
  return toSafeNumber(BigInt(digits), 'the number of a binlog file')
}

/**
 * Our name for the file behind `last` that the source calls `wanted`: the same where that comes later, else the next
 * one of our own.
 */
export function fileNameAfter(last: string, wanted: string): string {
  const isLater = isFileName(wanted) && fileNumber(wanted) > fileNumber(last)
  return isLater ? wanted : nextFileName(last)
}

/** Negative when `a` comes before `b`. */
export function compareFileNames(a: string, b: string): number {
  return fileNumber(a) - fileNumber(b) || (a < b ? -1 : a > b ? 1 : 0)
}
