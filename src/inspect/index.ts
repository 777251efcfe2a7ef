/*
  inspect: looking into files without a running node. One binlog file of any server or one index of ours,
  event by event; a whole data directory, file by file and index by index. It names damage by file, position
  and transaction and goes on behind it. Promises: it changes nothing, and its memory is bounded whatever the
  files are. It must not know: how what it finds is shown.
*/
export { type Damage, damageJson, damageText } from './damage.ts'
export type { Details } from './describe-event.ts'
export {
  type Inspected,
  type InspectedEvent,
  type InspectedTransaction,
  inspectBinlog,
} from './inspect-binlog.ts'
export { type InspectedFile, openInspected } from './inspect-file.ts'
export { type InspectedEntry, type InspectedIndexItem, inspectIndex } from './inspect-index.ts'
export { type FileSummary, Summary } from './summary.ts'
export { type VerifyReport, verifyDataDir } from './verify/verify-data-dir.ts'
export type { VerifiedFile } from './verify/verify-file.ts'
