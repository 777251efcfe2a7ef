import type { Disk } from '../../platform/index.ts'
import { damaged, readFailed } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import { Tag } from '../index-file/index-entry.ts'
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

interface DigestFiles {
  readonly stored: StoredFile
  readonly after: StoredFile | undefined
}

/**
 * Running digest behind a record that a file has: where it is the last one, the file behind says it, too.
 * @param files the one that has it, and the one behind it
 * @throws OperationalError E_STORE_DAMAGED
 */
export async function readDigest(
  disk: Disk,
  files: DigestFiles,
  sequence: number,
): Promise<Buffer> {
  try {
    return await walkTo(disk, files, sequence)
  } catch (thrown) {
    throw readFailed(indexNameOf(files.stored.name), 0, thrown)
  }
}

async function walkTo(
  disk: Disk,
  { stored, after }: DigestFiles,
  sequence: number,
): Promise<Buffer> {
  const isLast = after?.facts.firstSequence === sequence + 1
  const { name, indexPath } = isLast ? after : stored
  const index = await disk.open(indexPath, 'read')
  try {
    const walk = IndexWalk.open(index)
    if (walk === undefined) throw damaged(indexNameOf(name), 0, 'it lacks its head')
    if (isLast) return walk.head.digest
    while (walk.state.sequence < sequence) {
      if (walk.next() !== undefined) continue
      throw damaged(indexNameOf(name), walk.offset, 'no true entry is there')
    }
    return walk.digest()
  } finally {
    await index.close()
  }
}
