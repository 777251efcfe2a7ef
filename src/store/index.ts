/*
  store: the binlog files of one channel, the index beside each, recovery, retention, reading.

  Promises: what `sync` returned is on the disk; what `visible` shows is never taken back by a
  process that runs; a byte that is not the byte that was stored is never handed out.
  It must not know: sockets, sessions, SQL, where records come from or when they count as committed
  (journal). The write side is for journal only. Formats: docs/internals/store-format.md.
*/
export type { BinlogStore, FileInfo, LogEnd } from './binlog-store.ts'
export { type DigestPoint, readDigestPoints } from './check/digest-points.ts'
export { type AlarmCode, type FileAlarm, FileAlarms, fileAlarm } from './check/file-alarms.ts'
export type { CheckedFile } from './check/file-check.ts'
export { FileScrub } from './check/file-scrub.ts'
export { type DataDir, type Identity, openDataDir, readIdentity } from './data-dir.ts'
export { isWriteFailure, smallFileRefused } from './disk-error.ts'
export {
  binlogOf,
  compareFileNames,
  fileNameAfter,
  fileNumber,
  indexNameOf,
  isFileName,
  isIndexName,
} from './file-name.ts'
export type { FileReader, ReadResult } from './file-reader.ts'
export type { HeldFile } from './held-file.ts'
export { type HeldAt } from './index-file/index-directory.ts'
export { type IndexEntry } from './index-file/index-entry.ts'
export { readSet } from './index-file/index-scan.ts'
export { IndexWalk, type WalkedEntry } from './index-file/index-walk.ts'
export { hasTrueEntryBehind } from './index-file/index-window.ts'
export { findGtidStart } from './lookup/gtid-lookup.ts'
export type { LastTransaction } from './lookup/last-transaction.ts'
export {
  type Chunk,
  comparePositions,
  type FileBegin,
  type Position,
  RECORD_BYTES_MAX,
  type VisibleEnd,
} from './record.ts'
export { previousGtidsFault, sequenceFault } from './recovery/chain.ts'
export { isUnborn } from './recovery/unborn-file.ts'
export type { IndexSource, MissingRange, RangeSource } from './repair/range-source.ts'
export { type Repaired, repairFile } from './repair/repair-file.ts'
export { replaceFile } from './replace-file.ts'
export { isLog } from './replicated/log-facts.ts'
export type {
  BeginFacts,
  LogBase,
  LogPoint,
  LogRecord,
  LogRemoval,
} from './replicated/log-record.ts'
export type { RecordReader } from './replicated/record-reader.ts'
export { ReplicatedLog } from './replicated/replicated-log.ts'
export {
  bytesOverLimits,
  planRetention,
  RetentionClock,
  type RetentionPlan,
  type RetentionPolicy,
} from './retention.ts'
export { minFreeBytes } from './space.ts'
export { Store, type StoreOptions } from './store.ts'
export {
  EventWalk,
  type WalkedEvent,
  type WalkFault,
  type WalkOptions,
} from './walk/event-walk.ts'
export { readPreviousGtids } from './walk/previous-gtids.ts'
export {
  type OpenTransaction,
  TransactionFollower,
} from './walk/transaction-follower.ts'
