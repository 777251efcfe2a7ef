import { fileNumber, nextFileName } from '../mysql/index.ts'

// Our files have their source's names, and so their order.
export { compareFileNames, fileNumber } from '../mysql/index.ts'

/* Names of binlog files: `STEM.NUMBER`, as MySQL gives them. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@+=,~-]{0,200}\.\d{1,15}$/

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

/**
 * Our name for the file behind `last` that the source calls `wanted`: the same where that comes later, else the next
 * one of our own.
 */
export function fileNameAfter(last: string, wanted: string): string {
  const isLater = isFileName(wanted) && fileNumber(wanted) > fileNumber(last)
  return isLater ? wanted : nextFileName(last)
}
