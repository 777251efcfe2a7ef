/*
  Faults planted into a node, one for each checker and more: a checker that does not notice its fault
  checks nothing. docs/internals/testing.md lists them.
*/

import type { Chunk, Journal } from '../../src/journal/index.ts'
import { crc32, Watch } from '../../src/lib/index.ts'
import type { Disk, DiskFile } from '../../src/platform/index.ts'
import type { SimulatedDisk } from '../../src/platform/testing/simulated-disk.ts'
import type { BinlogFile, BinlogReader } from '../../src/serve/dump/binlog-reader.ts'
import type { DumpStream, SourceLink } from '../../src/source/index.ts'
import { BINLOGS, type Sabotage } from './node.ts'
import { overlaid } from './overlaid.ts'
import type { Checker } from './violation.ts'

export interface PlantedFault {
  readonly name: string
  readonly caughtBy: readonly Checker[]
  readonly sabotage: Sabotage
}

/** The disk with other files. */
function withFiles(disk: Disk, change: (file: DiskFile) => Partial<DiskFile>): Disk {
  return overlaid(disk, {
    async open(path, mode) {
      const file = await disk.open(path, mode)
      return overlaid(file, change(file))
    },
  })
}

const isData = ({ path }: DiskFile): boolean => !path.endsWith('.idx')

/** Each piece as the journal is given it, changed. */
function withPieces(journal: Journal, change: (chunk: Chunk) => Chunk): Journal {
  return overlaid(journal, { append: (chunk) => journal.append(change(chunk)) })
}

/** Each dump's stream with other methods. */
function withStream(
  link: SourceLink,
  change: (stream: DumpStream) => Partial<DumpStream>,
): SourceLink {
  return overlaid(link, {
    async open(...request) {
      const dump = await link.open(...request)
      return { ...dump, stream: overlaid(dump.stream, change(dump.stream)) }
    },
  })
}

/** What is asked for in a piece stands for all that came in it. */
function asksForAll(stream: DumpStream): Partial<DumpStream> {
  return {
    async next(signal) {
      const item = await stream.next(signal)
      if (item.kind !== 'piece' || item.piece.awaited === undefined) return item
      const { boundary, shift } = item.piece
      const awaited = { position: boundary, sourcePosition: boundary + shift }
      return { kind: 'piece', piece: { ...item.piece, awaited } }
    },
  }
}

function acknowledgesAtOnce(stream: DumpStream): Partial<DumpStream> {
  let file = ''
  return {
    async next(signal) {
      const item = await stream.next(signal)
      if (item.kind === 'file') file = item.place.file
      if (item.kind === 'piece' && item.piece.awaited !== undefined) {
        stream.acknowledge({ file, position: item.piece.awaited.sourcePosition })
      }
      return item
    },
    acknowledge() {},
  }
}

function endBehind(journal: Journal, { bytes }: Chunk): number {
  return (journal.end?.position ?? 0) + bytes.length
}

/** Reads past the store, so that nothing is compared with the index. */
function unverified(reader: BinlogReader, simulated: SimulatedDisk): BinlogReader {
  return overlaid(reader, {
    async openFile(name) {
      const file = await reader.openFile(name)
      const limit = (): number => reader.files().find((one) => one.name === name)?.size ?? 4
      const read: BinlogFile['read'] = (position, target) => {
        const stored = simulated.folders.get(`${BINLOGS}/${name}`)?.seen
        const end = Math.min(limit(), position + target.length)
        const bytes = stored?.view(position, end)
        if (bytes === undefined || end <= position) {
          return { bytes: target.subarray(0, 0), end: position }
        }
        bytes.copy(target)
        return { bytes: target.subarray(0, end - position), end }
      }
      return overlaid(file, { read })
    },
  })
}

/** The end of the newest file is gone when the next process comes. */
function cutTooMuch({ folders }: SimulatedDisk): void {
  const paths = folders.entries().map(([path]) => path)
  const newest = paths
    .filter((path) => /\/binlog\.\d+$/.test(path))
    .sort()
    .at(-1)
  const inode = newest === undefined ? undefined : folders.get(newest)
  if (newest === undefined || inode === undefined || inode.size < 3000) return
  inode.resize(inode.size - 1)
  inode.settle(inode.mark)
  folders.change([[`${newest}.idx`, undefined]])
}

function failsOnce(file: DiskFile): Partial<DiskFile> {
  return { sync: () => file.sync().catch(() => file.sync()) }
}

export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: 'fdatasync does nothing',
    caughtBy: ['what is visible is durable'],
    sabotage: {
      disk: (disk) => withFiles(disk, (file) => (isData(file) ? { sync: async () => {} } : {})),
    },
  },
  {
    name: 'syncing a folder does nothing',
    caughtBy: ['what is visible is durable'],
    sabotage: { disk: (disk) => overlaid(disk, { syncFolder: async () => {} }) },
  },
  {
    name: 'a failed fdatasync is tried again and believed',
    caughtBy: ['what is visible is durable', 'states say what happened'],
    sabotage: { disk: (disk) => withFiles(disk, failsOnce) },
  },
  {
    name: 'a torn tail is not cut away',
    caughtBy: ['stored files are those of the source', 'the node opens'],
    sabotage: {
      disk: (disk) => withFiles(disk, (file) => (isData(file) ? { truncate: async () => {} } : {})),
    },
  },
  {
    name: 'the end of the newest file is cut away at the start',
    caughtBy: ['the visible end never goes back'],
    sabotage: { beforeOpen: cutTooMuch },
  },
  {
    name: 'half a transaction is shown',
    caughtBy: ['what is visible lies between transactions'],
    sabotage: {
      journal: (journal) =>
        withPieces(journal, (chunk) => ({ ...chunk, boundary: endBehind(journal, chunk) })),
    },
  },
  {
    name: 'a transaction is not counted as held',
    caughtBy: ['GTIDs agree with the files'],
    sabotage: {
      journal: (journal) => withPieces(journal, (chunk) => ({ ...chunk, gtids: undefined })),
    },
  },
  {
    name: 'a byte is changed before it is stored',
    caughtBy: ['what is visible is durable'],
    sabotage: {
      journal: (journal) =>
        withPieces(journal, (chunk) => {
          const bytes = Buffer.from(chunk.bytes)
          bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
          return { ...chunk, bytes, crc: crc32(bytes) }
        }),
    },
  },
  {
    name: 'what is read is not compared with the index',
    caughtBy: ['damage is never sent'],
    sabotage: { reader: unverified },
  },
  {
    name: 'a client is sent transactions that it holds',
    caughtBy: ['clients are shown true bytes, in order, once'],
    sabotage: {
      reader: (reader) =>
        overlaid(reader, {
          previousGtids: async () => reader.executed().clone(),
        }),
    },
  },
  {
    name: 'a client begins behind what it lacks',
    caughtBy: ['clients are shown true bytes, in order, once'],
    sabotage: {
      reader: (reader) =>
        overlaid(reader, {
          findGtidStart: async () => {
            const end = reader.visible.value
            return end && { file: end.file, position: end.position }
          },
        }),
    },
  },
  {
    name: 'the place for a GTID set lies too far on',
    caughtBy: ['the index agrees with the files'],
    sabotage: {
      store: (store) =>
        overlaid(store, {
          positionFor: async (name) => store.files().find((file) => file.name === name)?.size ?? 4,
        }),
    },
  },
  {
    name: 'a full disk is never looked at again',
    caughtBy: ['the node catches up'],
    sabotage: { roomRetryMs: 1e9 },
  },
  {
    name: 'what is visible is not told to the dumps',
    caughtBy: ['the node catches up'],
    sabotage: {
      reader: (reader) => overlaid(reader, { visible: new Watch(reader.visible.value) }),
    },
  },
  {
    name: 'the source is told to purge what is not held yet',
    caughtBy: ['safe-to-purge is safe'],
    sabotage: { safeToPurgeTo: (link) => link.progress.place?.file },
  },
  {
    name: 'what came with a transaction is acknowledged with it, asked for or not',
    caughtBy: ['acknowledgements are true'],
    sabotage: { link: (link) => withStream(link, asksForAll) },
  },
  {
    name: 'a transaction is acknowledged before it is durable',
    caughtBy: ['acknowledgements are true'],
    sabotage: { link: (link) => withStream(link, acknowledgesAtOnce) },
  },
  {
    name: 'a source that has stopped waiting is called waiting',
    caughtBy: ['states say what happened'],
    sabotage: {
      link: (link) =>
        overlaid(link, { semiSync: { ...link.semiSync, wanted: true, active: true } }),
    },
  },
  {
    name: 'nothing is acknowledged',
    caughtBy: ['the node catches up'],
    sabotage: { link: (link) => withStream(link, () => ({ acknowledge() {} })) },
  },
]
