import type { Watched } from '../../lib/index.ts'
import type { Gtid, GtidSet } from '../../mysql/index.ts'
import {
  type BinlogStore,
  type FileInfo,
  type FileReader,
  findGtidStart,
  type Position,
  type VisibleEnd,
} from '../../store/index.ts'

/** What a dump needs of a FileReader. */
export type BinlogFile = Pick<FileReader, 'name' | 'read' | 'readAsync' | 'close'>

/** What a dump needs of the store; each method is the store's of that name. */
export interface BinlogReader {
  readonly visible: Watched<VisibleEnd | undefined>
  executed(): GtidSet
  purged(): GtidSet
  files(): readonly FileInfo[]
  previousGtids(name: string): Promise<GtidSet>
  openFile(name: string): Promise<BinlogFile>
  /**
   * Where a replica begins that holds the set; undefined when the oldest file is too new for it.
   */
  findGtidStart(held: GtidSet): Promise<Position | undefined>
  heldBehind(gtid: Gtid): Promise<GtidSet | undefined>
}

export function binlogReaderOf(store: BinlogStore): BinlogReader {
  return {
    visible: store.visible,
    executed: () => store.executed(),
    purged: () => store.purged(),
    files: () => store.files(),
    previousGtids: (name) => store.previousGtids(name),
    openFile: (name) => store.openFile(name),
    findGtidStart: (held) => findGtidStart(store, held),
    heldBehind: (gtid) => store.heldBehind(gtid),
  }
}
