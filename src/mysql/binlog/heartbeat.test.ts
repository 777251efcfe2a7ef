import { expect, test } from 'vitest'
import { ProtocolError } from '../../lib/index.ts'
import { checksumMatches } from './checksum.ts'
import { encodeEvent } from './event.ts'
import { EventType } from './event-type.ts'
import { readEventHeader } from './header.ts'
import { decodeHeartbeat, encodeHeartbeat } from './heartbeat.ts'

const FILE = 'binlog.000002'
const FILE_HEX = Buffer.from(FILE).toString('hex')

// Both captured from a 9.7.4 server: the first sent to mysqlbinlog, the second to a replica.
const CAPTURED = [
  [1, 1073n, `000000001b010000002400000031040000 0000${FILE_HEX}8bc74c3a`],
  [2, 1939n, `0000000029010000002c00000093070000 0000010d${FILE_HEX}0203fc930700553ff3bf`],
] as const

test.each(CAPTURED)(
  'version %d is byte for byte what a 9.7 server sends',
  (version, position, hex) => {
    const event = Buffer.from(hex.replace(' ', ''), 'hex')
    expect(checksumMatches(event)).toBe(true)
    expect(decodeHeartbeat(event, 'CRC32')).toEqual({ file: FILE, position })
    const fields = { version, file: FILE, position, serverId: 1, checksum: 'CRC32' as const }
    expect(encodeHeartbeat(fields)).toEqual(event)
  },
)

test('beyond 4 GiB version 2 keeps the whole position and version 1 its lowest 32 bits', () => {
  const fields = { file: FILE, position: 2n ** 32n + 5n, serverId: 1, checksum: 'NONE' as const }
  const first = encodeHeartbeat({ version: 1, ...fields })
  const second = encodeHeartbeat({ version: 2, ...fields })
  expect(decodeHeartbeat(first, 'NONE').position).toBe(5n)
  expect(decodeHeartbeat(second, 'NONE').position).toBe(2n ** 32n + 5n)
  expect(readEventHeader(second).logPos).toBe(5)
})

const fields = (hex: string): Buffer => {
  const zero = { timestamp: 0, serverId: 1, logPos: 0, flags: 0, checksum: false }
  return encodeEvent({ type: EventType.HEARTBEAT_V2, body: Buffer.from(hex, 'hex'), ...zero })
}

test('a field that nobody knows is skipped', () => {
  const event = fields(`0703aabbcc010d${FILE_HEX}020104 00`.replace(' ', ''))
  expect(decodeHeartbeat(event, 'NONE')).toEqual({ file: FILE, position: 4n })
})

test.each([
  ['no file', '02010400'],
  ['no position', `010d${FILE_HEX}00`],
  ['no end', `010d${FILE_HEX}020104`],
  ['an empty file name', '010002010400'],
  ['a NUL in the file name', '0102610002010400'],
  ['more in its position than a number', `010d${FILE_HEX}0202040500`],
])('one with %s is refused', (_what, hex) => {
  expect(() => decodeHeartbeat(fields(hex), 'NONE')).toThrow(ProtocolError)
})
