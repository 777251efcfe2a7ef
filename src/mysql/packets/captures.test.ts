import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { present } from '../../lib/index.ts'
import { AuthMore, decodeAuthMoreData, encodeAuthMoreData } from './auth-more-data.ts'
import { decodeAuthSwitch, encodeAuthSwitch } from './auth-switch.ts'
import { decodeComBinlogDump, encodeComBinlogDump } from './com-binlog-dump.ts'
import { decodeComBinlogDumpGtid, encodeComBinlogDumpGtid } from './com-binlog-dump-gtid.ts'
import { decodeComRegisterReplica, encodeComRegisterReplica } from './com-register-replica.ts'
import { decodeErr, encodeErr } from './err.ts'
import { decodeGreeting, encodeGreeting } from './greeting.ts'
import { decodeHandshakeResponse, encodeHandshakeResponse } from './handshake-response.ts'
import { encodeEndOfRows, encodeOk } from './ok.ts'
import { decodeColumn, decodeRow, encodeColumn } from './result-set.ts'
import { encodeSemiSyncAck } from './semi-sync-ack.ts'

/*
  Packets that real servers and clients sent, from test/fixtures: a line has the direction (C for client
  to server), the connection, the sequence number and the payload in hexadecimal.
*/
function capture(name: string): { fromClient: Buffer[]; fromServer: Buffer[] } {
  const path = new URL(`../../../test/fixtures/${name}.hex`, import.meta.url)
  const lines = readFileSync(path, 'utf8').split('\n')
  const payloads = (direction: string): Buffer[] =>
    lines
      .filter((line) => line.startsWith(`${direction} `) && !line.includes(' RAW '))
      .map((line) => Buffer.from(line.split(' ')[3] ?? '', 'hex'))
  return { fromClient: payloads('C'), fromServer: payloads('S') }
}

const CAPTURES = [
  'replica-gtid-rsa',
  'replica-filepos',
  'replica-semisync',
  'replica-zlib',
  'mysqlbinlog-gtid',
  'mysqlbinlog-nongtid',
  'mariadb-replica-mysql-source',
  'mariadb-replica-mariadb-source',
]

const first = (payloads: readonly Buffer[], command: number): Buffer =>
  present(
    payloads.find((payload) => payload[0] === command),
    `command ${command}`,
  )

describe('packets of real servers and clients', () => {
  test.each(CAPTURES)('the login of %s is read and written again byte for byte', (name) => {
    const { fromClient, fromServer } = capture(name)
    const greeting = present(fromServer[0], 'greeting')
    const response = present(fromClient[0], 'handshake response')
    if (!name.endsWith('mariadb-source')) {
      expect(encodeGreeting(decodeGreeting(greeting))).toEqual(greeting)
    }
    const decoded = decodeHandshakeResponse(response)
    expect(decoded.user).toBe('repl')
    const again = encodeHandshakeResponse(decoded)
    // MariaDB keeps more capabilities in the last four bytes of the filler, which we neither read nor write.
    again.copy(response, 28, 28, 32)
    expect(again).toEqual(response)
  })

  test('the greeting and the answer of a 9.7 replica hold what the server and it announced', () => {
    const { fromClient, fromServer } = capture('replica-gtid-rsa')
    const greeting = decodeGreeting(present(fromServer[0], 'greeting'))
    expect(greeting).toMatchObject({
      version: '9.7.4-2',
      connectionId: 11,
      capabilities: 0xdfffffff,
      collation: 255,
      status: 2,
      authPlugin: 'caching_sha2_password',
    })
    const response = decodeHandshakeResponse(present(fromClient[0], 'response'))
    expect(response).toMatchObject({ capabilities: 0x99b8a285, database: undefined })
    expect([...response.attributes.keys()]).toEqual([
      '_platform',
      '_os',
      '_client_name',
      '_client_replication_channel_name',
      '_pid',
      '_client_role',
      '_client_version',
      'program_name',
    ])
  })

  test('the steps of a full login without TLS are those of the protocol', () => {
    const { fromClient, fromServer } = capture('replica-gtid-rsa')
    const fullWanted = encodeAuthMoreData(Buffer.of(AuthMore.FULL_AUTHENTICATION))
    expect(fromServer[1]).toEqual(fullWanted)
    expect(fromClient[1]?.toString('hex')).toBe('02')
    const key = decodeAuthMoreData(present(fromServer[2], 'public key'))
    expect(createPublicKey(key).asymmetricKeyDetails?.modulusLength).toBe(2048)
    expect(fromClient[2]).toHaveLength(256)
    expect(fromServer[3]).toEqual(encodeOk())
  })

  test('a switch of the plugin is read and written again', () => {
    const { fromServer } = capture('mariadb-replica-mysql-source')
    const payload = present(fromServer[1], 'auth switch')
    const decoded = decodeAuthSwitch(payload)
    expect(decoded.authPlugin).toBe('caching_sha2_password')
    expect(encodeAuthSwitch(decoded)).toEqual(payload)
  })

  test('the acknowledgement of a semi-synchronous 9.7 replica is what we write', () => {
    const { fromClient } = capture('replica-semisync')
    expect(encodeSemiSyncAck('binlog.000003', 1896)).toEqual(first(fromClient, 0xef))
  })

  test('the commands of replicas are read and written again', () => {
    const { fromClient } = capture('replica-gtid-rsa')
    const register = first(fromClient, 0x15)
    expect(decodeComRegisterReplica(register)).toEqual({
      serverId: 2,
      host: '127.0.0.1',
      user: '',
      password: '',
      port: 3402,
    })
    expect(encodeComRegisterReplica(decodeComRegisterReplica(register))).toEqual(register)
    for (const name of ['replica-gtid-rsa', 'replica-semisync', 'mysqlbinlog-gtid']) {
      const dump = first(capture(name).fromClient, 0x1e)
      expect(encodeComBinlogDumpGtid(decodeComBinlogDumpGtid(dump))).toEqual(dump)
    }
    for (const name of ['replica-filepos', 'mysqlbinlog-nongtid', 'mariadb-replica-mysql-source']) {
      const dump = first(capture(name).fromClient, 0x12)
      expect(encodeComBinlogDump(decodeComBinlogDump(dump))).toEqual(dump)
    }
  })

  test('a result set and an error are read and written again', () => {
    const { fromServer } = capture('replica-gtid-rsa')
    const column = present(fromServer[5], 'column')
    expect(decodeColumn(column).name).toBe('UNIX_TIMESTAMP()')
    expect(encodeColumn(decodeColumn(column))).toEqual(column)
    expect(decodeRow(present(fromServer[6], 'row'), 1)).toEqual(['1795398912'])
    expect(fromServer[7]).toEqual(encodeEndOfRows())
    const error = first(capture('mariadb-replica-mysql-source').fromServer, 0xff)
    expect(decodeErr(error)).toEqual({
      code: 1046,
      sqlState: '3D000',
      message: 'No database selected',
    })
    expect(encodeErr(decodeErr(error))).toEqual(error)
  })
})
