/*
  lib: leaves that every folder may use and that know none of them: errors, assertions, watched
  values, CRC-32, back-off, and the interfaces by which a part speaks of itself.
*/
export { assert, present } from './assert.ts'
export { Backoff, type BackoffLimits } from './backoff.ts'
export { formatBytes, toSafeNumber } from './bytes.ts'
export { decodeCheckedJson, encodeCheckedJson } from './checked-json.ts'
export { crc32, crc32Text } from './crc32.ts'
export {
  ERROR_CATALOGUE,
  type ErrorCode,
  type ErrorContext,
  InvariantError,
  isDiskFull,
  messageOf,
  OperationalError,
  ProtocolError,
  type Reaction,
  replaceRefused,
  systemCodeOf,
} from './errors.ts'
export { DISK_SECONDS, Histogram } from './histogram.ts'
export { LimitedLogger } from './limited-logger.ts'
export { type LogFields, type Logger, silentLogger } from './telemetry.ts'
export { picked, Watch, type Watched, waitUntil } from './watched.ts'
