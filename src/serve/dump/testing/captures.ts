import { fixture, REAL_FILE_NAMES } from '../../../../test/captured-files.ts'
import { decodeRotate, EventFlag, EventType } from '../../../mysql/index.ts'
import type { MemoryFile } from './memory-binlogs.ts'

const MAGIC = Buffer.from('fe62696e', 'hex')

/** Consecutive files of one real server, under the names that it would have given them. */
export const REAL_FILES: readonly MemoryFile[] = REAL_FILE_NAMES.map((name) => ({
  name: `binlog.${name.split('.')[1] ?? ''}`,
  bytes: fixture(name),
}))

/** One that the server still wrote. */
export const OPEN_FILE: MemoryFile = {
  name: 'binlog.000009',
  bytes: fixture('active-in-use.bin'),
}

/** The events that a real source sent after the dump command of a capture. */
export function capturedEvents(name: string): Buffer[] {
  const packets = fixture(name)
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
