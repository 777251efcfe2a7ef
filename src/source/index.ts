/*
  source: the link to the one MySQL server whose binlog is kept. It logs in, checks what server it is, finds
  the place to begin or to go on without a gap or a repetition, and reads the dump as pieces of binlog files.

  Promises: a stream that it opens continues what is held byte for byte, or begins a file; whatever does not
  fit stops the link in words. It must not know: where the bytes go, who reads them, the store, the journal.
*/
export type { DumpItem, DumpStream, FileHead } from './dump-stream.ts'
export {
  type FilePart,
  type FilePiece,
  type ReadFileOptions,
  readSourceFile,
} from './files/read-file.ts'
export { type Finding, remedyFor, type Severity } from './finding.ts'
export { readSourceGtids } from './flavor/source-gtids.ts'
export type { Beginning, FileForm, Holdings, SourcePlace, StartAt } from './holdings.ts'
export { METADATA_LIMITS } from './metadata/metadata-limits.ts'
export { MetadataPool } from './metadata/metadata-pool.ts'
export type { OpenDump, SourceOptions } from './open-dump.ts'
export type { PreflightId, SourceProfile } from './preflight.ts'
export type { SemiSyncState } from './semi-sync/semi-sync.ts'
export { type ReplicaSelf, type SourceAddress, type TlsMode } from './source-address.ts'
export { type FailureId, failureFinding } from './source-error.ts'
export { SOURCE_LIMITS, type SourceLimits } from './source-limits.ts'
export {
  SourceLink,
  type SourcePhase,
  type SourceProgress,
  type SourceState,
} from './source-link.ts'
export { type SourceTrial, trySource } from './source-trial.ts'
export { type SourceSurvey, surveySource } from './survey.ts'
