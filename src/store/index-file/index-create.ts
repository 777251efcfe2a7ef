import type { GtidSet } from '../../mysql/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import { indexNameOf } from '../file-name.ts'
import type { FileBegin } from '../record.ts'
import type { ExtentsCache } from './extents.ts'
import type { IndexEnd } from './index-appender.ts'
import { IndexDirectory } from './index-directory.ts'
import { encodeEntry, firstState, tagOf } from './index-entry.ts'
import { encodeHead, type IndexHead } from './index-header.ts'
import { RunningDigest } from './running-digest.ts'

export interface NewIndex {
  readonly origin: FileBegin
  readonly firstSequence: number
  readonly contact: GtidSet
  readonly rebuilt: boolean
  /** running digest before the file */
  readonly digest: Buffer
  readonly epoch: number
}

export interface CreatedIndex {
  readonly file: DiskFile
  readonly head: IndexHead
  readonly begin: FileBegin
  readonly directory: IndexDirectory
  readonly end: IndexEnd
}

/** Makes the index of a file that begins: head and file-begin, synced; the folder is not. */
export async function createIndex(
  context: {
    readonly disk: Disk
    readonly folder: string
    readonly storeId: string
    readonly cache: ExtentsCache
  },
  fresh: NewIndex,
): Promise<CreatedIndex> {
  const { name } = fresh.origin
  const file = await context.disk.open(`${context.folder}/${indexNameOf(name)}`, 'create')
  const { firstSequence, rebuilt, digest: digestBefore, contact } = fresh
  const head = { storeId: context.storeId, firstSequence, rebuilt, digest: digestBefore, contact }
  const { bytes: headBytes, check } = encodeHead(head)
  const state = firstState(check, firstSequence)
  const start = { headSize: headBytes.length, state: { ...state } }
  const directory = new IndexDirectory(name, file, context.cache, start)
  const entry = { kind: 'file-begin', epoch: fresh.epoch, begin: fresh.origin } as const
  const { bytes, recordCrc } = encodeEntry(entry, state)
  const digest = new RunningDigest(digestBefore)
  digest.add(state.sequence, state.epoch, tagOf('file-begin'), recordCrc)
  try {
    await file.write(Buffer.concat([headBytes, bytes]), 0)
    await file.sync()
  } catch (thrown) {
    await file.close()
    throw thrown
  }
  const offset = headBytes.length + bytes.length
  const end = { offset, state, digest, checkpoint: 0, bytesSince: 0, recordsSince: 1 }
  return { file, head, begin: fresh.origin, directory, end }
}
