import { silentLogger } from '../../../lib/index.ts'
import { EventFlag, EventType } from '../../../mysql/index.ts'
import type { DumpEnd, DumpRequest } from '../../dump-request.ts'
import { Replicas } from '../../replicas.ts'
import { Dumps } from '../dumps.ts'
import { CollectingSink } from './collecting-sink.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryBinlogs, type MemoryFile } from './memory-binlogs.ts'

export const REQUEST: DumpRequest = {
  from: undefined,
  held: undefined,
  nonBlocking: false,
  heartbeatVersion: 2,
  heartbeatPeriodMs: 0,
  checksum: 'CRC32',
  isSemiSync: false,
  replica: { serverId: 2, uuid: undefined, connectionId: 1, user: 'repl', address: 'here:1' },
}

/** Dumps over files in memory, with a clock that the test moves. */
export function dumpsOver(files: readonly MemoryFile[], recordSize = 1000) {
  const clock = new FakeClock()
  const binlogs = new MemoryBinlogs(files, recordSize)
  const replicas = new Replicas(clock)
  const parts = { replicas, clock, logger: silentLogger, serverId: 1 }
  const dumps = new Dumps({ reader: binlogs, ...parts })
  let connectionId = 0
  const dump = (change: Partial<DumpRequest>): { sink: CollectingSink; end: Promise<DumpEnd> } => {
    const sink = new CollectingSink()
    connectionId += 1
    const replica = { ...REQUEST.replica, serverId: 0, ...change.replica, connectionId }
    return { sink, end: dumps.run({ ...REQUEST, ...change, replica }, sink) }
  }
  return { clock, binlogs, dumps, replicas, dump }
}

/** What a dump gives that ends at the visible end. */
export async function wholeDump(
  files: readonly MemoryFile[],
  change: Partial<DumpRequest>,
  prepare: (binlogs: MemoryBinlogs) => void = () => {},
) {
  const { binlogs, dump } = dumpsOver(files)
  prepare(binlogs)
  const { sink, end } = dump({ nonBlocking: true, ...change })
  const ended = await end
  await until(() => sink.isTaken)
  return { events: sink.events, ended }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

export const hex = (events: readonly Buffer[]): string[] =>
  events.map((event) => event.toString('hex'))

export function isHeartbeat(event: Buffer | undefined): boolean {
  return event?.[4] === EventType.HEARTBEAT || event?.[4] === EventType.HEARTBEAT_V2
}

export function isArtificial(event: Buffer): boolean {
  return (event.readUInt16LE(17) & EventFlag.ARTIFICIAL) !== 0
}
