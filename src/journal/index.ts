/*
  journal: what makes a record durable and committed. `Journal` is the engine's face, the same for one machine
  and for a cluster; `LocalJournal` is the one of one machine: the store with fdatasync is the commit.

  Promises: records are committed in the order they were given; what `committed` tells is never undone. A write
  that failed is never tried again. It must not know: where the bytes come from, who reads them.
*/
export type {
  Chunk,
  FileBegin,
  LastTransaction,
  LogEnd,
  Position,
  VisibleEnd,
} from '../store/index.ts'
export { comparePositions, fileNameAfter } from '../store/index.ts'
export type { Journal } from './journal.ts'
export { LocalJournal } from './local-journal.ts'
