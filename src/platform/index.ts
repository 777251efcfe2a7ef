/*
  platform: the outside world behind interfaces, so that the rest can be tested and simulated:
  time, randomness, the disk, sockets, other programs and TLS material. The only folder that may import node:fs,
  node:net and node:tls. It knows nothing of MySQL or binlogs.
*/
export { type Clock, systemClock, yieldTurn } from './clock.ts'
export {
  type Codec,
  type CompressionAlgorithm,
  Compressor,
  hasCompression,
} from './compression.ts'
export {
  certificateMismatch,
  type Dialed,
  type DialOptions,
  type Divert,
  dial,
  gathering,
  isAddress,
} from './dial.ts'
export type { Disk, DiskFile, DiskSpace, FileAttributes } from './disk.ts'
export { type Machine, systemMachine } from './machine.ts'
export { DiskFigures, measuredDisk } from './measured-disk.ts'
export type { MutualTls } from './mutual-tls.ts'
export { type Connection, connect, listen, type TcpServer } from './net.ts'
export { openFilesTrouble } from './open-files.ts'
export type { Child, Command, Processes } from './processes.ts'
export { type Random, systemRandom } from './random.ts'
export {
  type CertificateAndKey,
  makePasswordKey,
  makeServerCertificate,
} from './self-signed.ts'
export { systemDisk } from './system-disk.ts'
export { systemProcesses } from './system-processes.ts'
export { type ClientCertificate, makeServerTls, type ServerTls } from './tls.ts'
