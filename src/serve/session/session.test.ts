import { connect as netConnect } from 'node:net'
import { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import {
  Capability,
  decodeErr,
  encodeComBinlogDump,
  encodeComBinlogDumpGtid,
  encodeComQuery,
  encodeComRegisterReplica,
  encodeOk,
  encodePackets,
  encodeSslRequest,
  GtidSet,
} from '../../mysql/index.ts'
import { hasCompression } from '../../platform/index.ts'
import type { ServeLimits } from '../limits.ts'
import { EXECUTED, type FakeServer, startFakeServer } from '../testing/fake-server.ts'
import { handshakeResponse, RawClient } from '../testing/raw-client.ts'
import type { RunDump } from './session.ts'

const OK = encodeOk()
const EOF = Buffer.from('fe00000200', 'hex')
const QUIT = Buffer.of(0x01)
const PING = Buffer.of(0x0e)
const DUMP = encodeComBinlogDump({ position: 4, flags: 0, serverId: 9, file: 'binlog.000001' })

const servers: FakeServer[] = []
const clients: RawClient[] = []

async function start(limits?: Partial<ServeLimits>, runDump?: RunDump): Promise<FakeServer> {
  const server = await startFakeServer({ limits, runDump })
  servers.push(server)
  return server
}

async function connect({ port }: FakeServer): Promise<RawClient> {
  const client = await RawClient.connect(port)
  clients.push(client)
  return client
}

async function loggedIn(server: FakeServer, user = 'repl', password = 'plain secret') {
  const client = await connect(server)
  expect(await client.login(user, password)).toEqual(OK)
  return client
}

const eventually = (condition: () => boolean): Promise<void> =>
  expect.poll(condition, { timeout: 5000, interval: 5 }).toBe(true)

afterEach(async () => {
  for (const client of clients.splice(0)) client.stream.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

test('a client that goes on sending after its fault reads the error, and is closed at once', async () => {
  const server = await start({ lingerMs: 60_000 })
  const client = await connect(server)
  await client.readGreeting()
  client.send(Buffer.alloc(0), 1)
  client.stream.write(Buffer.alloc(1024 * 1024))
  expect((await client.mustRead())[0]).toBe(0xff)
  expect(await client.read()).toBeUndefined()
  client.stream.end()
  await eventually(() => server.listener.connections === 0)
})

test('of a flood beyond the limit a few are told so, and the rest is closed without a word', async () => {
  const server = await start({ connectionsMost: 1, refusedLingeringMost: 2, lingerMs: 60_000 })
  await loggedIn(server)
  // Half open, so that those who are told do not make room for others by leaving.
  const refused = Array.from({ length: 5 }, () => {
    return new RawClient(netConnect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }))
  })
  clients.push(...refused)
  const first = await Promise.all(refused.map((client) => client.read()))
  expect(first.filter((packet) => packet !== undefined)).toHaveLength(2)
})

test('the last files that may be open are left to the binlog: a client that comes then is told 1040', async () => {
  // No process has so many: whatever is left is too little.
  const server = await start({ openFilesKept: 2 ** 31 })
  const client = await connect(server)
  expect(decodeErr(await client.mustRead()).code).toBe(1040)
  expect(await client.read()).toBeUndefined()
  expect(server.counts).toMatchObject({ connections: 1, refused: 1, refusedForFiles: 1 })
  const roomy = await start({ openFilesKept: 1 })
  await loggedIn(roomy)
  expect(roomy.counts).toMatchObject({ connections: 1, refused: 0, refusedForFiles: 0 })
})

const NAMES: readonly [name: string, code: number][] = [
  ['d'.repeat(65), 1059],
  ['ends with a space ', 1102],
  ['', 1046],
]

test.each(NAMES)('the default database %j is refused as by the source', async (name, code) => {
  const server = await start()
  const client = await loggedIn(server)
  expect(decodeErr(await client.command(Buffer.from(`\u0002${name}`))).code).toBe(code)
  expect(decodeErr(await client.command(encodeComQuery(`USE \`${name}\``))).code).toBe(code)
  expect(await client.command(PING)).toEqual(OK)
  if (name === '') return
  const other = await connect(server)
  const more = { capabilities: Capability.CONNECT_WITH_DB, database: name }
  expect(decodeErr(await other.login('repl', 'plain secret', more)).code).toBe(code)
  expect(await other.read()).toBeUndefined()
})

describe('before the login', () => {
  test('the greeting has a 7-bit scramble and offers TLS and compression, not query attributes', async () => {
    const server = await start()
    for (let count = 0; count < 20; count += 1) {
      const { scramble, capabilities, version } = await (await connect(server)).readGreeting()
      expect(version).toBe('9.7.4-kingbus')
      expect([...scramble].every((byte) => byte > 0 && byte < 0x80 && byte !== 0x24)).toBe(true)
      expect(capabilities & Capability.QUERY_ATTRIBUTES).toBe(0)
      expect(capabilities & Capability.SSL).not.toBe(0)
      expect(capabilities & Capability.COMPRESS).not.toBe(0)
      expect((capabilities & Capability.ZSTD_COMPRESSION) !== 0).toBe(hasCompression('zstd'))
    }
  })

  test('a client that says nothing is closed after the login time', async () => {
    const client = await connect(await start({ loginMs: 30 }))
    await client.readGreeting()
    expect(await client.read()).toBeUndefined()
  })

  test('a packet over the login limit and a malformed one cost only that connection', async () => {
    const server = await start()
    const good = await loggedIn(server)
    const large = await connect(server)
    await large.readGreeting()
    large.send(Buffer.alloc(70_000), 1)
    expect(decodeErr(await large.mustRead()).code).toBe(1043)
    expect(await large.read()).toBeUndefined()
    const malformed = await connect(server)
    await malformed.readGreeting()
    malformed.send(Buffer.from('not a handshake response'), 1)
    expect(decodeErr(await malformed.mustRead()).code).toBe(1043)
    expect(await malformed.read()).toBeUndefined()
    expect(await good.command(PING)).toEqual(OK)
  })

  test('one connection more than the limit is told so and closed, and one that leaves makes room', async () => {
    const server = await start({ connectionsMost: 1 })
    const first = await loggedIn(server)
    const second = await connect(server)
    expect(decodeErr(await second.mustRead()).code).toBe(1040)
    first.send(QUIT)
    expect(await first.read()).toBeUndefined()
    await eventually(() => server.listener.connections === 0)
    await loggedIn(server)
  })

  test('TLS bytes that come together with the SSLRequest are not lost', async () => {
    const server = await start()
    const plain = await connect(server)
    const greeting = await plain.readGreeting()
    expect(greeting.capabilities & Capability.SSL).not.toBe(0)
    plain.stream.removeAllListeners('data')
    const capabilities = Capability.PROTOCOL_41 | Capability.SSL
    const request = encodePackets(
      encodeSslRequest({ capabilities, packetMost: 1024, collation: 255 }),
      1,
    )
    let prefix: Buffer | undefined = request
    const joined = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _, done) => {
        plain.stream.write(prefix === undefined ? bytes : Buffer.concat([prefix, bytes]), done)
        prefix = undefined
      },
    })
    plain.stream.on('data', (bytes: Buffer) => joined.push(bytes))
    const secured = new RawClient(tls.connect({ socket: joined, rejectUnauthorized: false }))
    secured.send(handshakeResponse('nobody', Buffer.alloc(0)), 2)
    expect(await secured.mustRead()).toEqual(OK)
  })

  test('a TLS handshake that fails closes the connection', async () => {
    const server = await start()
    const client = await connect(server)
    await client.readGreeting()
    const capabilities = Capability.PROTOCOL_41 | Capability.SSL
    client.send(encodeSslRequest({ capabilities, packetMost: 1024, collation: 255 }), 1)
    client.stream.write('this is not TLS at all, but long enough to be taken for a record')
    await new Promise((resolve) => client.stream.once('close', resolve))
    await eventually(() => server.listener.connections === 0)
  })
})

describe('commands', () => {
  test('an unknown command, a prepare and a malformed registration are refused and the session goes on', async () => {
    const client = await loggedIn(await start())
    expect(decodeErr(await client.command(Buffer.of(0x0f))).code).toBe(1047)
    expect(decodeErr(await client.command(Buffer.from('\x16select 1'))).code).toBe(1295)
    expect(decodeErr(await client.command(Buffer.of(0x15, 1))).code).toBe(1835)
    expect(decodeErr(await client.command(Buffer.of(0x1b, 9, 0))).code).toBe(1047)
    expect((await client.command(Buffer.of(0x1b, 1, 0))).toString('hex')).toBe('fe000002000000')
    expect((await client.command(Buffer.of(0x0d))).toString('hex')).toBe('fe000002000000')
    expect(await client.command(Buffer.from('\x02anything'))).toEqual(OK)
    expect((await client.command(Buffer.of(0x09))).toString()).toMatch(/^Uptime: \d+ {2}Threads: 1/)
    client.send(Buffer.of(0x19, 1, 0, 0, 0))
    expect(await client.command(PING)).toEqual(OK)
  })

  test('a command cut short closes the connection with an error', async () => {
    const client = await loggedIn(await start())
    expect(decodeErr(await client.command(Buffer.of(0x1b))).code).toBe(1835)
    expect(await client.read()).toBeUndefined()
  })

  test('a packet over the limit after the login closes the connection', async () => {
    const client = await loggedIn(await start({ packetBytesMost: 100 }))
    expect(decodeErr(await client.command(Buffer.alloc(101, 3))).code).toBe(1835)
    expect(await client.read()).toBeUndefined()
  })

  test('a silent session is closed after the idle time', async () => {
    const client = await loggedIn(await start({ idleMs: 30 }))
    expect(await client.read()).toBeUndefined()
  })

  test('a change of the user that is cut short is no command to MySQL, and ends the connection', async () => {
    const client = await loggedIn(await start())
    expect(decodeErr(await client.command(Buffer.from('\x11abc')))).toMatchObject({
      code: 1047,
      sqlState: '08S01',
    })
    expect(await client.read()).toBeUndefined()
  })

  test('user variables are forgotten by a reset of the connection', async () => {
    const server = await start()
    const client = await loggedIn(server)
    await client.command(encodeComQuery("SET @replica_uuid = 'AB'"))
    expect(await client.command(Buffer.of(0x1f))).toEqual(OK)
    client.send(DUMP)
    await eventually(() => server.requests.length === 1)
    expect(server.requests[0]?.replica.uuid).toBeUndefined()
  })
})

describe('dumps', () => {
  test('a GTID dump is asked for with what the packet and the user variables say', async () => {
    const server = await start()
    const client = await loggedIn(server)
    const statements = [
      'SET @master_heartbeat_period = 2000000001, @source_heartbeat_period = 2000000001',
      'SET @master_binlog_checksum= @@global.binlog_checksum',
      "SET @slave_uuid = 'ABC', @replica_uuid = 'DEF'",
    ]
    for (const sql of statements) expect(await client.command(encodeComQuery(sql))).toEqual(OK)
    client.send(
      encodeComBinlogDumpGtid({
        flags: 2,
        serverId: 5,
        file: '',
        position: 4n,
        gtidSet: GtidSet.parse(EXECUTED).encode(),
      }),
    )
    await eventually(() => server.requests.length === 1)
    const [request] = server.requests
    expect(request?.held?.toString()).toBe(EXECUTED)
    expect(request).toMatchObject({
      from: undefined,
      nonBlocking: false,
      heartbeatVersion: 2,
      heartbeatPeriodMs: 2000,
      checksum: 'CRC32',
      replica: { serverId: 5, uuid: 'def', user: 'repl' },
    })
  })

  test('an empty file name is left to the dump, which knows the oldest, and server id 0 not to wait', async () => {
    const server = await start()
    const client = await loggedIn(server)
    client.send(encodeComBinlogDump({ position: 4, flags: 0, serverId: 0, file: '' }))
    await eventually(() => server.requests.length === 1)
    expect(server.requests[0]).toMatchObject({
      from: { file: '', position: 4 },
      held: undefined,
      nonBlocking: true,
      heartbeatVersion: 1,
      heartbeatPeriodMs: 0,
      checksum: undefined,
    })
  })

  test('without the right to replicate a dump gets 1227 and a registration 1045', async () => {
    const client = await loggedIn(await start(), 'nobody', '')
    expect(decodeErr(await client.command(DUMP))).toEqual({
      code: 1227,
      sqlState: '42000',
      message:
        'Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for this operation',
    })
    const register = { serverId: 1, host: '', user: '', password: '', port: 1 }
    expect(decodeErr(await client.command(encodeComRegisterReplica(register))).code).toBe(1045)
    expect(await client.command(PING)).toEqual(OK)
  })

  test('malformed dump commands get their own error and the connection closes', async () => {
    const server = await start()
    const cut = await loggedIn(server)
    expect(decodeErr(await cut.command(Buffer.of(0x12, 4))).code).toBe(1835)
    expect(await cut.read()).toBeUndefined()
    const spoilt = await loggedIn(server)
    const gtidSet = Buffer.from('0100000000000000', 'hex')
    const dump = { flags: 0, serverId: 1, file: '', position: 4n, gtidSet }
    expect(decodeErr(await spoilt.command(encodeComBinlogDumpGtid(dump))).code).toBe(1773)
    expect(await spoilt.read()).toBeUndefined()
  })

  test('what the dump writes arrives, and its end is a packet with the next number', async () => {
    const server = await start({}, (_, sink) => {
      sink.write(encodePackets(Buffer.from('\0event'), 1), () => {})
      return Promise.resolve({ kind: 'eof', sequence: 2 })
    })
    const client = await loggedIn(server)
    expect((await client.command(DUMP)).toString()).toBe('\0event')
    expect(await client.read()).toEqual(EOF)
    expect(await client.read()).toBeUndefined()
  })

  test('the error that ends a dump is sent', async () => {
    const error = { code: 1236, sqlState: 'HY000', message: 'could not find next log' }
    const server = await start({}, () => Promise.resolve({ kind: 'error', sequence: 1, error }))
    const client = await loggedIn(server)
    expect(decodeErr(await client.command(DUMP))).toEqual(error)
    expect(await client.read()).toBeUndefined()
  })

  test('pings and acks during a dump are passed over, and COM_QUIT ends it', async () => {
    const server = await start()
    const client = await loggedIn(server)
    client.send(DUMP)
    await eventually(() => server.requests.length === 1)
    client.send(PING)
    client.send(Buffer.from('ef0400000000000000binlog.000001'))
    client.send(QUIT)
    expect(await client.read()).toBeUndefined()
  })

  test('a client that goes away ends its dump', async () => {
    const server = await start()
    const client = await loggedIn(server)
    client.send(DUMP)
    await eventually(() => server.requests.length === 1)
    client.stream.destroy()
    await eventually(() => server.sessions.count === 0)
  })

  test('a dump gets an EOF when the server closes, and other sessions are closed', async () => {
    const server = await start()
    const [dumping, idle] = [await loggedIn(server), await loggedIn(server)]
    dumping.send(DUMP)
    await eventually(() => server.requests.length === 1)
    await server.listener.close(1000)
    expect(await dumping.read()).toEqual(EOF)
    expect(await dumping.read()).toBeUndefined()
    expect(await idle.read()).toBeUndefined()
    expect(server.listener.connections).toBe(0)
  })

  test('a client that reads nothing cannot hold up the closing of the server', async () => {
    const server = await start({}, async (_, sink) => {
      await new Promise<void>((resolve) => sink.write(Buffer.alloc(64 * 1024 * 1024), resolve))
      return { kind: 'closed', sequence: 1 }
    })
    const client = await loggedIn(server)
    client.stream.pause()
    client.send(DUMP)
    await eventually(() => server.requests.length === 1)
    await server.listener.close(50)
    expect(server.listener.connections).toBe(0)
  })

  test('KILL of a dump by its own user closes it without a packet; others need the right', async () => {
    const server = await start()
    const dumping = await connect(server)
    const id = (await dumping.readGreeting()).connectionId
    dumping.stream.destroy()
    const victim = await loggedIn(server)
    victim.send(DUMP)
    await eventually(() => server.requests.length === 1)
    const kill = encodeComQuery(`KILL ${id + 1}`)
    const stranger = await loggedIn(server, 'nobody', '')
    expect(decodeErr(await stranger.command(kill)).code).toBe(1095)
    const unknown = encodeComQuery('KILL CONNECTION 4711')
    expect(decodeErr(await stranger.command(unknown)).code).toBe(1094)
    const own = await loggedIn(server)
    expect(await own.command(kill)).toEqual(OK)
    expect(await victim.read()).toBeUndefined()
    const admin = await loggedIn(server, 'admin', 'root')
    expect(await admin.command(encodeComQuery(`KILL QUERY ${id + 3}`))).toEqual(OK)
    expect(await own.command(PING)).toEqual(OK)
    expect(await admin.command(encodeComQuery(`KILL ${id + 3}`))).toEqual(OK)
    expect(await own.read()).toBeUndefined()
    const self = encodeComQuery('KILL CONNECTION_ID()')
    expect(decodeErr(await admin.command(self)).code).toBe(1317)
    expect(await admin.read()).toBeUndefined()
  })
})

test('a port that is taken is refused with its address', async () => {
  const { port, listener } = await start()
  await expect(listener.open('127.0.0.1', port)).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port}`,
  )
})
