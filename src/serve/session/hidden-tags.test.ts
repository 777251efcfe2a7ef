import { afterEach, expect, test } from 'vitest'
import { eventsOf, fixture } from '../../../test/captured-files.ts'
import {
  Capability,
  decodeErr,
  EventType,
  encodeComBinlogDump,
  encodeComBinlogDumpGtid,
  encodeOk,
  encodePackets,
  GtidSet,
} from '../../mysql/index.ts'
import { EXECUTED, type FakeServer, startFakeServer } from '../testing/fake-server.ts'
import { RawClient } from '../testing/raw-client.ts'
import type { RunDump } from './session.ts'

const EVENTS = eventsOf(fixture('tagged-gtids.000003'))
const TAGGED = EVENTS.filter((event) => event[4] === EventType.GTID_TAGGED).length

const FILE_DUMP = encodeComBinlogDump({ position: 4, flags: 1, serverId: 9, file: 'binlog.000001' })
const GTID_DUMP = { position: 4n, flags: 1, serverId: 9, gtidSet: GtidSet.parse(EXECUTED).encode() }

const servers: FakeServer[] = []
const clients: RawClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.stream.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** A client of a server whose only dump is the file with the tags. */
async function loggedIn(user: string, attributes: Record<string, string>): Promise<RawClient> {
  const runDump: RunDump = async (_, sink) => {
    for (const [index, event] of EVENTS.entries()) {
      const packet = encodePackets(Buffer.concat([Buffer.of(0), event]), index + 1)
      await new Promise<void>((resolve) => sink.write(packet, resolve))
    }
    return { kind: 'eof', sequence: EVENTS.length + 1 }
  }
  const server = await startFakeServer({ runDump })
  servers.push(server)
  const client = await RawClient.connect(server.port)
  clients.push(client)
  const capabilities = Capability.CONNECT_ATTRS
  const more = { capabilities, attributes: new Map(Object.entries(attributes)) }
  expect(await client.login(user, 'plain secret', more)).toEqual(encodeOk())
  return client
}

async function typesOf(client: RawClient): Promise<number[]> {
  const types: number[] = []
  client.send(FILE_DUMP)
  for (let packet = await client.mustRead(); packet[0] === 0; packet = await client.mustRead()) {
    types.push(packet[5] ?? -1)
  }
  return types
}

test('whose user has it so is sent no tag and as many events; everybody else gets them as they are', async () => {
  const all = await typesOf(await loggedIn('repl', { program_name: 'mysqld' }))
  expect(all).toEqual(EVENTS.map((event) => event[4]))
  const hidden = await typesOf(await loggedIn('untagged', { _client_role: 'binary_log_listener' }))
  expect(hidden.length).toBe(all.length)
  expect(hidden.filter((type) => type === EventType.IGNORABLE).length).toBe(TAGGED + 1)
  expect(hidden).not.toContain(EventType.GTID_TAGGED)
  expect(hidden).not.toContain(EventType.PREVIOUS_GTIDS)
})

test.each([
  ['a MySQL server', { program_name: 'mysqld' }],
  ['a replica, by its channel', { _client_replication_channel_name: '' }],
  ['another Kingbus', { program_name: 'kingbus' }],
])('%s is refused, and told why', async (_, attributes) => {
  const client = await loggedIn('untagged', attributes)
  const error = decodeErr(await client.command(FILE_DUMP))
  expect(error.code).toBe(1236)
  expect(error.message).toMatch(/'untagged' has tagged GTIDs hidden .* as another user$/)
  expect(await client.read()).toBeUndefined()
})

test('a dump by GTIDs is refused, but not one that also says from which file', async () => {
  const client = await loggedIn('untagged', {})
  const error = decodeErr(await client.command(encodeComBinlogDumpGtid({ ...GTID_DUMP, file: '' })))
  expect(error.code).toBe(1236)
  expect(error.message).toMatch(/must ask for a file and position/)
  const named = await loggedIn('untagged', {})
  const dump = encodeComBinlogDumpGtid({ ...GTID_DUMP, file: 'binlog.000001' })
  expect((await named.command(dump))[0]).toBe(0)
})
