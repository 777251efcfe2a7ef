/*
  Which files are meant: files as they are, a folder with the binlogs of one server among other things, or the server's
  own list of them, its .index file. They come out in the order of their numbers, none missing in between.
*/
import { basename, dirname, isAbsolute, join } from 'node:path'
import { present } from '../lib/index.ts'
import type { Disk } from '../platform/index.ts'
import { compareFileNames, fileNumber, isFileName } from '../store/index.ts'
import { kindOf } from './file-kind.ts'
import { refused } from './refusal.ts'

/** Bound of a list of files; MySQL purges long before it has so many. */
const INDEX_BYTES_MAX = 16 * 1024 * 1024

/** @throws OperationalError E_IMPORT_REFUSED */
export async function chooseFiles(disk: Disk, given: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(given.map((path) => filesOf(disk, path)))
  const paths = lists.flat().toSorted((a, b) => compareFileNames(basename(a), basename(b)))
  for (const [at, path] of paths.entries()) {
    const before = paths[at - 1]
    if (before !== undefined) checkFollows(before, path)
  }
  return paths
}

async function filesOf(disk: Disk, path: string): Promise<string[]> {
  const found = await disk.attributes(path)
  if (found === undefined) throw refused(path, 'there is no such file or folder')
  if (found.isFolder) return await filesOfFolder(disk, path)
  if (!path.endsWith('.index')) return [checkedName(path)]
  if (found.size > INDEX_BYTES_MAX) throw refused(path, `${found.size} bytes are no list of files`)
  return await filesOfList(disk, path)
}

function checkedName(path: string): string {
  if (isFileName(basename(path))) return path
  throw refused(
    path,
    'its name has no number at its end; give it the name that it had at the source',
  )
}

/** One name a line: `./binlog.000001`, or with the folder that it had at the source. */
async function filesOfList(disk: Disk, path: string): Promise<string[]> {
  const lines = (await disk.readFile(path)).toString('utf8').split(/\r?\n/)
  const names = lines.map((line) => line.trim()).filter((line) => line !== '')
  if (names.length === 0) throw refused(path, 'it names no file')
  const paths = []
  for (const name of names) {
    const beside = join(dirname(path), basename(name))
    const there = isAbsolute(name) ? name : join(dirname(path), name)
    const found = [there, beside].map(async (one) => ((await disk.exists(one)) ? one : undefined))
    const file = (await Promise.all(found)).find((one) => one !== undefined)
    if (file === undefined) throw refused(path, `it names ${name}, which is not there`)
    paths.push(checkedName(file))
  }
  return paths
}

/** The binlogs of a folder, where relay logs and other numbered files may lie too. */
async function filesOfFolder(disk: Disk, folder: string): Promise<string[]> {
  const byStem = new Map<string, string[]>()
  for (const name of await disk.list(folder)) {
    if (!isFileName(name)) continue
    const stem = stemOf(name)
    byStem.set(stem, [...(byStem.get(stem) ?? []), name])
  }
  const stems = []
  for (const [stem, names] of byStem) {
    const kind = await kindOf(disk, join(folder, present(names[0], 'a name')))
    if (kind === 'binlog' || kind === 'encrypted') stems.push(stem)
  }
  const [stem] = stems
  if (stem === undefined) throw refused(folder, 'there is no binlog file in this folder')
  if (stems.length > 1) {
    const which = stems.toSorted().join(', ')
    throw refused(
      folder,
      `it has binlogs of several names (${which}); name the files or the .index`,
    )
  }
  return (byStem.get(stem) ?? []).map((name) => join(folder, name))
}

function checkFollows(before: string, path: string): void {
  const [one, other] = [basename(before), basename(path)]
  if (stemOf(one) !== stemOf(other)) {
    throw refused(path, `it has another name than ${one}; import the files of one server only`)
  }
  const gap = fileNumber(other) - fileNumber(one) - 1
  if (gap < 0) throw refused(path, `it is given twice, beside ${before}`)
  if (gap > 0) {
    const remedy = `give what is between them too, or only the files from ${other} on`
    throw refused(path, `${gap} files are missing between ${one} and it; ${remedy}`)
  }
}

function stemOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.'))
}
