import type { Disk } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import { Tag } from '../index-file/index-entry.ts'
import { readHead } from '../index-file/index-scan.ts'
import { IndexWalk } from '../index-file/index-walk.ts'
import { RunningDigest } from '../index-file/running-digest.ts'
import type { StoredFile } from '../stored-file.ts'
import type { LogFacts } from './log-facts.ts'

/** Running digest behind the first records of a preface: epoch-starts before there is a file. */
export function prefaceDigest(
  { base, preface }: Pick<LogFacts, 'base' | 'preface'>,
  count: number = preface.length,
): Buffer {
  const before = Buffer.from(base.digest, 'hex')
  if (count === 0) return before
  const digest = new RunningDigest(before)
  preface.slice(0, count).forEach((epoch, index) => {
    digest.add(base.sequence + 1 + index, epoch, Tag.EPOCH_START, 0)
  })
  return digest.peek()
}

const NO_HEAD = 'it lacks its head'

/** Running digest before the first record of a file: behind the last one of the file before. @throws as readDigest */
export async function readFirstDigest(
  disk: Disk,
  { name, indexPath }: StoredFile,
): Promise<Buffer> {
  const index = await disk.open(indexPath, 'read')
  try {
    const read = readHead(index)
    if (read === undefined) throw damaged(indexNameOf(name), 0, NO_HEAD)
    return read.head.digest
  } finally {
    await index.close()
  }
}

/** Running digest behind a record that a file has. @throws OperationalError E_STORE_DAMAGED */
export async function readDigest(
  disk: Disk,
  { name, indexPath }: StoredFile,
  sequence: number,
): Promise<Buffer> {
  const index = await disk.open(indexPath, 'read')
  try {
    const walk = IndexWalk.open(index)
    if (walk === undefined) throw damaged(indexNameOf(name), 0, NO_HEAD)
    while (walk.state.sequence < sequence) {
      if (walk.next() !== undefined) continue
      throw damaged(indexNameOf(name), walk.offset, 'no true entry is there')
    }
    return walk.digest()
  } finally {
    await index.close()
  }
}
