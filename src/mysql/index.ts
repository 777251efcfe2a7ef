/*
  mysql: MySQL's client protocol and binlog format as pure functions over bytes, in MySQL's own words.
  Answers any bytes with a value or a ProtocolError. Knows no sockets, no files and no clock. This file
  is the only way in; inside, wire/ and gtid/ stand below packets/, auth/ and binlog/, which stand below stream/.
*/
export {
  CACHING_SHA2_PASSWORD,
  type CachingSha2Hash,
  cachingSha2HashMatches,
  decryptPassword,
  fastAuthDigest,
  fastAuthMatches,
  makeCachingSha2Hash,
  PUBLIC_KEY_REQUEST,
  passwordUpToNul,
  SALT_SIZE,
} from './auth/caching-sha2.ts'
export {
  MYSQL_NATIVE_PASSWORD,
  makeNativeHash,
  nativeResponseMatches,
} from './auth/native-password.ts'
export { parsePasswordHash, passwordMatches, type Verifier } from './auth/verifier.ts'
export {
  CHECKSUM_SIZE,
  type ChecksumAlgorithm,
  checksumMatches,
} from './binlog/checksum.ts'
export { type EventFields, encodeEvent } from './binlog/event.ts'
export { EventType, eventTypeName, eventTypeSymbol } from './binlog/event-type.ts'
export { compareFileNames, fileNumber, nextFileName } from './binlog/file-name.ts'
export {
  decodeFormatDescription,
  type FormatDescription,
  type FormatDescriptionChanges,
  rewriteFormatDescription,
} from './binlog/format-description.ts'
export { decodeGtidEvent, isGtidEvent } from './binlog/gtid-event.ts'
export type { GtidEvent } from './binlog/gtid-facts.ts'
export { encodeGtidList } from './binlog/gtid-list.ts'
export {
  BINLOG_MAGIC,
  EVENT_HEADER_SIZE,
  EventFlag,
  type EventHeader,
  FIRST_EVENT_POSITION,
  readEventHeader,
} from './binlog/header.ts'
export {
  decodeHeartbeat,
  encodeHeartbeat,
  type Heartbeat,
  type HeartbeatFields,
} from './binlog/heartbeat.ts'
export { isStandalone, STANDALONE_PREFIX_BYTES } from './binlog/mariadb-gtid.ts'
export {
  decodePreviousGtids,
  encodePreviousGtids,
  isPreviousGtids,
  type PreviousGtidsFields,
} from './binlog/previous-gtids.ts'
export { decodeQueryHead, QUERY_PREFIX_BYTES, queryTextPrefix } from './binlog/query.ts'
export { queryXid } from './binlog/query-status.ts'
export {
  decodeRotate,
  encodeRotate,
  type Rotate,
  type RotateFields,
} from './binlog/rotate.ts'
export { decodeRowEventHead, decodeTableMapHead, rowEventFlagNames } from './binlog/row-events.ts'
export {
  decodeTransactionPayloadHeader,
  type TransactionPayloadHeader,
} from './binlog/transaction-payload.ts'
export { type EventPlace, TransactionTracker } from './binlog/transaction-tracker.ts'
export { type Flavor, formatGtid, type Gtid, mariadbOriginParts } from './gtid/gtid.ts'
export { GtidSet } from './gtid/gtid-set.ts'
export { newestOfDomains, parseMariadbPosition } from './gtid/mariadb-position.ts'
export { uuidOfServerId } from './gtid/uuid-bytes.ts'
export { AuthMore, encodeAuthMoreData } from './packets/auth-more-data.ts'
export { encodeAuthSwitch } from './packets/auth-switch.ts'
export {
  Capability,
  COLLATION_UTF8MB4,
  STATUS_AUTOCOMMIT,
  STATUS_MORE_RESULTS,
} from './packets/capability.ts'
export {
  DumpFlag,
  decodeComBinlogDump,
  encodeComBinlogDump,
} from './packets/com-binlog-dump.ts'
export {
  decodeComBinlogDumpGtid,
  encodeComBinlogDumpGtid,
} from './packets/com-binlog-dump-gtid.ts'
export { type ComChangeUser, decodeComChangeUser } from './packets/com-change-user.ts'
export { decodeComQuery, encodeComQuery } from './packets/com-query.ts'
export {
  decodeComRegisterReplica,
  encodeComRegisterReplica,
} from './packets/com-register-replica.ts'
export { Command } from './packets/command.ts'
export { encodeEof, isEof } from './packets/eof.ts'
export {
  decodeErr,
  ERR_MARKER,
  type ErrPacket,
  encodeErr,
  encodeErrBeforeGreeting,
} from './packets/err.ts'
export { decodeGreeting, encodeGreeting, type Greeting, SCRAMBLE_SIZE } from './packets/greeting.ts'
export {
  decodeHandshakeResponse,
  encodeHandshakeResponse,
  type HandshakeResponse,
} from './packets/handshake-response.ts'
export { decodeOk, encodeEndOfRows, encodeOk } from './packets/ok.ts'
export {
  type Column,
  ColumnFlag,
  ColumnType,
  encodeResultSet,
  encodeResultSetEnd,
  encodeResultSetHead,
  encodeRow,
  type ResultSet,
  type Row,
} from './packets/result-set.ts'
export { decodeSemiSyncAck, encodeSemiSyncAck, SEMI_SYNC_MAGIC } from './packets/semi-sync-ack.ts'
export {
  encodeSslRequest,
  isSslRequest,
} from './packets/ssl-request.ts'
export { DumpDecoder, type DumpDecoderOptions, type DumpStep } from './stream/dump-decoder.ts'
export { DumpFramer, type FramerState, framingBytesMax } from './stream/dump-framer.ts'
export { ChecksumError } from './stream/event-checksum.ts'
export { EventKernel } from './stream/event-kernel.ts'
export { type DumpPlacement } from './stream/moved-file.ts'
export { type AwaitedEnd, type Piece } from './stream/piece-builder.ts'
export { TaggedGtidHider } from './stream/tagged-gtid-hider.ts'
export {
  COMPRESSED_BYTES_LEAST,
  type CompressedPacket,
  CompressedPacketReader,
  encodeCompressedHeader,
} from './wire/compressed-packet.ts'
export {
  encodePackets,
  nextSequence,
  PACKET_HEADER_SIZE,
  PacketReader,
  PHYSICAL_PAYLOAD_MOST,
} from './wire/packet.ts'
export { Reader } from './wire/reader.ts'
export { Writer } from './wire/writer.ts'
