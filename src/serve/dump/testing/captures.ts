import { fileURLToPath } from 'node:url'
import { decodeRotate, EventFlag, EventType } from '../../../mysql/index.ts'
import { systemDisk } from '../../../platform/index.ts'
import type { MemoryFile } from './memory-binlogs.ts'

const MAGIC = Buffer.from('fe62696e', 'hex')

function fixture(name: string): Promise<Buffer> {
  const url = new URL(`../../../../test/fixtures/${name}`, import.meta.url)
  return systemDisk.readFile(fileURLToPath(url))
}

/** Consecutive files of one real server, as one that was never restarted would have named them. */
export const REAL_FILES: readonly MemoryFile[] = await Promise.all(
  [
    'plain.000002',
    'tagged-gtids.000003',
    'compressed-trx.000004',
    'ddl-xa.000005',
    'large-trx.000006',
    'statement-rowsquery-partialjson.000007',
  ].map(async (name) => ({
    name: `binlog.${name.split('.')[1] ?? ''}`,
    bytes: await fixture(name),
  })),
)

/** One that the server still wrote. */
export const OPEN_FILE: MemoryFile = {
  name: 'binlog.000009',
  bytes: await fixture('active-in-use.bin'),
}

/** The events that a real source sent after the dump command of a capture. */
export async function capturedEvents(name: string): Promise<Buffer[]> {
  const packets = (await fixture(name))
    .toString('latin1')
    .split('\n')
    .map((line) => line.split(' '))
  const dump = packets.findIndex(
    ([from, , , payload]) => from === 'C' && /^(?:12|1e)/.test(payload ?? ''),
  )
  return packets
    .slice(dump + 1)
    .filter(([from, , , payload]) => from === 'S' && payload?.startsWith('00'))
    .map(([, , , payload]) => Buffer.from(payload ?? '', 'hex').subarray(1))
}

/** The files that a real source had read the events from, as far as they were sent. */
export function capturedFiles(events: readonly Buffer[]): MemoryFile[] {
  const files: { name: string; parts: Buffer[] }[] = []
  for (const event of events) {
    const type = event[4]
    const isArtificial = (event.readUInt16LE(17) & EventFlag.ARTIFICIAL) !== 0
    if (type === EventType.ROTATE && isArtificial) {
      const { file } = decodeRotate(event, files.length === 0 ? 'NONE' : 'CRC32')
      files.push({ name: file, parts: [MAGIC] })
    } else if (type !== EventType.HEARTBEAT && type !== EventType.HEARTBEAT_V2) {
      files.at(-1)?.parts.push(event)
    }
  }
  return files.map(({ name, parts }) => ({ name, bytes: Buffer.concat(parts) }))
}
