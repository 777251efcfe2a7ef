import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { requireCalmOnAnyBytes, requireRefusedPrefixes } from '../testing/codec-properties.ts'
import { decodeAuthMoreData, encodeAuthMoreData } from './auth-more-data.ts'
import { decodeAuthSwitch, encodeAuthSwitch } from './auth-switch.ts'
import { Capability } from './capability.ts'
import { decodeComBinlogDump, encodeComBinlogDump } from './com-binlog-dump.ts'
import { decodeComBinlogDumpGtid, encodeComBinlogDumpGtid } from './com-binlog-dump-gtid.ts'
import { decodeComChangeUser, encodeComChangeUser } from './com-change-user.ts'
import { decodeComRegisterReplica, encodeComRegisterReplica } from './com-register-replica.ts'
import { decodeEof, encodeEof } from './eof.ts'
import { decodeErr, encodeErr } from './err.ts'
import { decodeGreeting, encodeGreeting } from './greeting.ts'
import { decodeHandshakeResponse, encodeHandshakeResponse } from './handshake-response.ts'
import { decodeOk, encodeOk } from './ok.ts'
import { decodeColumn, decodeRow, encodeColumn, encodeResultSet } from './result-set.ts'
import { decodeSslRequest, encodeSslRequest } from './ssl-request.ts'

const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffffffff)
const text = fc.string({ maxLength: 40 }).filter((value) => !value.includes('\0'))
const bytes = (size: fc.IntArrayConstraints): fc.Arbitrary<Buffer> =>
  fc.uint8Array(size).map((value) => Buffer.from(value))
const scramble = bytes({ minLength: 20, maxLength: 20 })
const attributes = fc.array(fc.tuple(text, text), { maxLength: 5 }).map((pairs) => new Map(pairs))

const ALL_OF_LOGIN =
  Capability.PROTOCOL_41 |
  Capability.CONNECT_WITH_DB |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC |
  Capability.CONNECT_ATTRS

interface Codec<T> {
  readonly name: string
  readonly values: fc.Arbitrary<T>
  readonly encode: (value: T) => Buffer
  readonly decode: (payload: Buffer) => unknown
  /** false where the last field runs to the end of the packet, so that a prefix may be valid */
  readonly prefixesRefused: boolean
}

const codec = <T>(given: Codec<T>): Codec<never> => given as unknown as Codec<never>

const CODECS = [
  codec({
    name: 'greeting',
    values: fc.record({
      version: text,
      connectionId: u32,
      scramble,
      capabilities: u32.map((flags) => (flags | Capability.PLUGIN_AUTH) >>> 0),
      collation: u8,
      status: u16,
      authPlugin: text,
    }),
    encode: encodeGreeting,
    decode: decodeGreeting,
    prefixesRefused: true,
  }),
  codec({
    name: 'handshake response',
    values: fc.record({
      capabilities: fc.constant(ALL_OF_LOGIN),
      packetMost: u32,
      collation: u8,
      user: text,
      authResponse: bytes({ maxLength: 300 }),
      database: text,
      authPlugin: text,
      attributes,
    }),
    encode: encodeHandshakeResponse,
    decode: decodeHandshakeResponse,
    prefixesRefused: true,
  }),
  codec({
    name: 'SSLRequest',
    values: fc.record({
      capabilities: fc.constant(Capability.PROTOCOL_41 | Capability.SSL),
      packetMost: u32,
      collation: u8,
    }),
    encode: encodeSslRequest,
    decode: decodeSslRequest,
    prefixesRefused: true,
  }),
  codec({
    name: 'AuthSwitchRequest',
    values: fc.record({ authPlugin: text, scramble }),
    encode: encodeAuthSwitch,
    decode: decodeAuthSwitch,
    prefixesRefused: true,
  }),
  codec({
    name: 'AuthMoreData',
    values: bytes({ maxLength: 500 }),
    encode: encodeAuthMoreData,
    decode: decodeAuthMoreData,
    prefixesRefused: false,
  }),
  codec({
    name: 'OK',
    values: fc.record({
      affectedRows: fc.maxSafeNat(),
      lastInsertId: fc.maxSafeNat(),
      status: u16,
      warnings: u16,
    }),
    encode: encodeOk,
    decode: decodeOk,
    prefixesRefused: true,
  }),
  codec({
    name: 'EOF',
    values: fc.record({ warnings: u16, status: u16 }),
    encode: encodeEof,
    decode: decodeEof,
    prefixesRefused: true,
  }),
  codec({
    name: 'ERR',
    values: fc.record({ code: u16, sqlState: fc.constantFrom('HY000', '42000'), message: text }),
    encode: encodeErr,
    decode: decodeErr,
    prefixesRefused: false,
  }),
  codec({
    name: 'column definition',
    values: fc.record({
      name: text,
      type: u8,
      length: u32,
      collation: u16,
      flags: u16,
      decimals: u8,
    }),
    encode: encodeColumn,
    decode: decodeColumn,
    prefixesRefused: true,
  }),
  codec({
    name: 'COM_REGISTER_REPLICA',
    values: fc.record({ serverId: u32, host: text, user: text, password: text, port: u16 }),
    encode: encodeComRegisterReplica,
    decode: decodeComRegisterReplica,
    prefixesRefused: true,
  }),
  codec({
    name: 'COM_BINLOG_DUMP',
    values: fc.record({ position: u32, flags: u16, serverId: u32, file: text }),
    encode: encodeComBinlogDump,
    decode: decodeComBinlogDump,
    prefixesRefused: false,
  }),
  codec({
    name: 'COM_BINLOG_DUMP_GTID',
    values: fc.record({
      flags: u16,
      serverId: u32,
      file: text,
      position: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
      gtidSet: bytes({ maxLength: 100 }),
    }),
    encode: encodeComBinlogDumpGtid,
    decode: decodeComBinlogDumpGtid,
    prefixesRefused: true,
  }),
  codec({
    name: 'COM_CHANGE_USER',
    values: fc.record({
      user: text,
      authResponse: bytes({ maxLength: 255 }),
      database: text,
      collation: u16,
      authPlugin: text,
      attributes,
    }),
    encode: (value) => encodeComChangeUser(value, ALL_OF_LOGIN),
    decode: (payload): unknown => decodeComChangeUser(payload, ALL_OF_LOGIN),
    prefixesRefused: false,
  }),
]

describe.each(CODECS)('$name', ({ values, encode, decode }) => {
  test('what is encoded is decoded to the same', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toEqual(value)
      }),
    )
  })

  test('any bytes give a value or a ProtocolError', () => {
    requireCalmOnAnyBytes(decode, fc.sample(values, 5).map(encode))
  })
})

describe.each(CODECS.filter(({ prefixesRefused }) => prefixesRefused))(
  '$name, cut short',
  ({ values, encode, decode }) => {
    test('every proper prefix of a valid packet is refused', () => {
      fc.assert(
        fc.property(values, (value) => requireRefusedPrefixes(decode, encode(value))),
        { numRuns: 20 },
      )
    })
  },
)

test('rows of a result set come back, with and without DEPRECATE_EOF', () => {
  const column = { name: 'a', type: 0xfd, length: 10, collation: 255, flags: 0, decimals: 31 }
  const result = {
    columns: [column, column],
    rows: [
      ['1', null],
      ['', 'x'.repeat(300)],
    ],
  }
  const old = encodeResultSet(result, false).map((payload) => payload.toString('hex'))
  const now = encodeResultSet(result, true)
  expect(old).toHaveLength(7)
  expect([old[3], old[6]]).toEqual(['fe00000200', 'fe00000200'])
  expect(now).toHaveLength(6)
  expect(now[5]?.toString('hex')).toBe('fe000002000000')
  expect(now.slice(3, 5).map((row) => decodeRow(row, 2))).toEqual(result.rows)
})

test('the message of an ERR packet is cut at 511 bytes and never inside a character', () => {
  const { message } = decodeErr(encodeErr({ code: 1, sqlState: 'HY000', message: 'ä'.repeat(400) }))
  expect(message).toBe('ä'.repeat(255))
})

test('a file name of a dump command ends at its first NUL', () => {
  const dump = encodeComBinlogDump({ position: 4, flags: 0, serverId: 1, file: 'binlog.1\0\0' })
  expect(decodeComBinlogDump(dump).file).toBe('binlog.1')
})

test('a login that announces a plugin and ends before its name has an empty one, as for MySQL', () => {
  const whole = encodeHandshakeResponse({
    capabilities: Capability.PROTOCOL_41 | Capability.SECURE_CONNECTION | Capability.PLUGIN_AUTH,
    packetMost: 0,
    collation: 33,
    user: 'repl',
    authResponse: Buffer.alloc(20),
    database: undefined,
    authPlugin: '',
    attributes: new Map(),
  })
  const { user, authPlugin } = decodeHandshakeResponse(whole.subarray(0, -1))
  expect({ user, authPlugin }).toEqual({ user: 'repl', authPlugin: '' })
})
