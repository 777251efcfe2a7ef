import mysql, { type ConnectionOptions, type RowDataPacket } from 'mysql2/promise'
import { afterEach, expect, test } from 'vitest'
import {
  Capability,
  decodeErr,
  encodeComBinlogDump,
  encodeCompressedHeader,
  encodeOk,
  encodePackets,
} from '../../mysql/index.ts'
import { Compressor } from '../../platform/index.ts'
import { compressedPacket, compressing } from '../testing/compressing-stream.ts'
import { type FakeServer, startFakeServer } from '../testing/fake-server.ts'
import { RawClient } from '../testing/raw-client.ts'
import { CompressedBytes } from './compressed-bytes.ts'
import type { RunDump } from './session.ts'

const OK = encodeOk()
const PING = Buffer.of(0x0e)
const DUMP = encodeComBinlogDump({ position: 4, flags: 0, serverId: 9, file: 'binlog.000001' })

const servers: FakeServer[] = []
const clients: RawClient[] = []

async function start(runDump?: RunDump): Promise<FakeServer> {
  const server = await startFakeServer({ runDump })
  servers.push(server)
  return server
}

/** A client that has logged in and asked for zlib; `plain` is its connection under the compression. */
async function compressed(server: FakeServer, contentMost?: number) {
  const plain = await RawClient.connect(server.port)
  clients.push(plain)
  const asked = { capabilities: Capability.COMPRESS }
  expect(await plain.login('repl', 'plain secret', asked)).toEqual(OK)
  const stream = compressing(plain.stream, contentMost)
  return { plain, client: new RawClient(stream), received: stream.received }
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.stream.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

// Those of semi-synchronous replication are not there over a compressed connection.
const VARIABLES = "SHOW VARIABLES WHERE Variable_name NOT LIKE 'rpl_semi_sync%'"

test.each([
  ['without TLS', {}],
  ['under TLS', { ssl: { rejectUnauthorized: false } }],
] as const)('mysql2 is answered the same with compression and without, %s', async (_, options) => {
  const { port } = await start()
  const account = { host: '127.0.0.1', port, user: 'repl', password: 'plain secret', ...options }
  const answers = async (more: ConnectionOptions): Promise<unknown> => {
    const connection = await mysql.createConnection({ ...account, ...more })
    const [variables] = await connection.query<RowDataPacket[]>(VARIABLES)
    expect(variables.length).toBeGreaterThan(20)
    await connection.query(`SET @long = '${'x'.repeat(100_000)}'`)
    const [long] = await connection.query<RowDataPacket[]>('SELECT @long')
    await expect(connection.query('SELECT nonsense(')).rejects.toMatchObject({ errno: 1064 })
    await connection.ping()
    await connection.end()
    return [variables, long]
  }
  expect(await answers({ compress: true })).toEqual(await answers({}))
})

test('what is shorter than 50 bytes is not compressed, and answers count on from the command', async () => {
  const server = await start()
  const whole = await compressed(server)
  expect(await whole.client.command(PING)).toEqual(OK)
  expect(whole.received).toMatchObject([{ sequence: 1, contentSize: 0 }])
  const cut = await compressed(server, 2)
  expect(await cut.client.command(PING)).toEqual(OK)
  expect(cut.received).toMatchObject([{ sequence: 3, contentSize: 0 }])
})

test('a dump arrives whole, in packets of 64 KiB at most that are numbered on and on', async () => {
  const events = Array.from({ length: 300 }, (_, index) => Buffer.alloc(4000, index))
  const packets = events.map((event, index) => encodePackets(event, (index + 1) & 0xff))
  const server = await start(async (_, sink) => {
    const bytes = Buffer.concat(packets)
    await new Promise<void>((resolve) => sink.write(bytes.subarray(0, 700_001), resolve))
    await new Promise<void>((resolve) => sink.write(bytes.subarray(700_001), resolve))
    return { kind: 'eof', sequence: 301 & 0xff }
  })
  const { client, received } = await compressed(server)
  client.send(DUMP)
  for (const event of events) expect((await client.mustRead()).equals(event)).toBe(true)
  expect(await client.read()).toEqual(Buffer.from('fe00000200', 'hex'))
  expect(await client.read()).toBeUndefined()
  expect(received.map(({ sequence }) => sequence)).toEqual(received.map((_, index) => index + 1))
  expect(Math.max(...received.map(({ contentSize }) => contentSize))).toBe(64 * 1024)
  expect(received.filter(({ contentSize }) => contentSize > 0).length).toBeGreaterThan(17)
})

test('what a client sends in the middle of its dump does not number what it is sent', async () => {
  const sent: number[] = []
  const incoming = [compressedPacket(DUMP, 0), compressedPacket(PING, 0), compressedPacket(PING, 0)]
  const carrier = {
    read: () => Promise.resolve(incoming.shift()),
    writeAll: ([header]: readonly Uint8Array[], done: () => void) => {
      sent.push(header?.[3] ?? -1)
      done()
    },
    gone: new AbortController().signal,
    destroy: () => {},
  }
  const stream = new CompressedBytes(carrier, new Compressor(1).codec('zlib', 6), Buffer.alloc(0))
  const write = (): Promise<void> => new Promise((done) => stream.write(Buffer.alloc(100), done))
  expect(await stream.read()).toEqual(DUMP)
  stream.endCommands()
  await write()
  await write()
  expect(await stream.read()).toEqual(PING)
  await write()
  expect(await stream.read()).toEqual(PING)
  await write()
  expect(sent).toEqual([1, 2, 3, 4])
})

test.each([
  [
    'bytes that are not compressed at all',
    encodeCompressedHeader(60, { sequence: 0, contentSize: 80 }),
  ],
  ['a wrong size', compressedPacket(Buffer.alloc(60), 0).fill(61, 4, 5)],
])('%s cost the client its connection and nobody else anything', async (_, packet) => {
  const server = await start()
  const good = await compressed(server)
  const bad = await compressed(server)
  bad.plain.stream.write(Buffer.concat([packet, Buffer.alloc(100)]))
  expect(decodeErr(await bad.client.mustRead()).code).toBe(1835)
  expect(await bad.client.read()).toBeUndefined()
  expect(await good.client.command(PING)).toEqual(OK)
})

test('a client that reads nothing of its dump holds up nobody, and is let go when it leaves', async () => {
  let written = 0
  const server = await start(async (_, sink) => {
    const noise = Buffer.alloc(1024 * 1024)
    for (let at = 0; at < noise.length; at += 1) noise[at] = (at * at * 31) & 0xff
    while (!sink.signal.aborted && written < 64) {
      await new Promise<void>((resolve) => sink.write(noise, resolve))
      written += 1
    }
    return { kind: 'closed', sequence: 1 }
  })
  const { plain, client } = await compressed(server)
  plain.stream.pause()
  client.send(DUMP)
  await expect.poll(() => written, { interval: 5 }).toBeGreaterThan(0)
  const other = await compressed(server)
  expect(await other.client.command(PING)).toEqual(OK)
  plain.stream.destroy()
  await expect.poll(() => server.sessions.count, { timeout: 5000, interval: 5 }).toBe(1)
  expect(written).toBeLessThan(64)
})
