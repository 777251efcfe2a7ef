import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixture, REAL_FILE_NAMES } from '../../test/captured-files.ts'
import { crc32 } from '../lib/index.ts'
import { EventType, encodeEvent, GtidSet, readEventHeader } from '../mysql/index.ts'
import { systemDisk } from '../platform/index.ts'
import { damageText } from './damage.ts'
import { type Inspected, type InspectedEvent, inspectBinlog } from './inspect-binlog.ts'

/** Places in it: FORMAT_DESCRIPTION 4, then see test/golden/plain.000002.txt */
const plain = fixture('plain.000002')
const UUID = '90b578d4-e6e1-11f1-82c0-02fc00000001'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kingbus-inspect-'))
})
afterAll(async () => await rm(folder, { recursive: true }))

interface Given {
  readonly from?: number
  readonly gtids?: GtidSet
  readonly hasTransactions?: boolean
  readonly hasOwnPositions?: boolean
}

async function inspect(bytes: Buffer, given: Given = {}): Promise<Inspected[]> {
  const path = join(folder, 'binlog.000002')
  await writeFile(path, bytes)
  const file = await systemDisk.open(path, 'read')
  const items: Inspected[] = []
  const options = {
    name: 'binlog.000002',
    from: given.from ?? 4,
    limit: bytes.length,
    held: GtidSet.empty(),
    hasOwnPositions: given.hasOwnPositions ?? true,
    hasTransactions: given.hasTransactions ?? true,
    gtids: given.gtids,
    checksum: 'CRC32' as const,
  }
  for await (const batch of inspectBinlog(file, options)) items.push(...batch)
  await file.close()
  return items
}

const eventsOf = (items: readonly Inspected[]): InspectedEvent[] =>
  items.filter((item) => item.kind === 'event')

async function damagesOf(bytes: Buffer): Promise<string[]> {
  const items = await inspect(bytes)
  return items.flatMap((item) => (item.kind === 'damage' ? [damageText(item.damage)] : []))
}

interface Place {
  readonly at: number
  readonly type: number
  readonly size: number
}

function places(bytes: Buffer): Place[] {
  const found: Place[] = []
  for (let at = 4; at < bytes.length; ) {
    const { type, size } = readEventHeader(bytes, at)
    found.push({ at, type, size })
    at += size
  }
  return found
}

/** The last event of the type in the file. */
function lastOf(bytes: Buffer, type: number): Place {
  const found = places(bytes).findLast((place) => place.type === type)
  if (found === undefined) throw new Error(`no event of type ${type}`)
  return found
}

function flipped(bytes: Buffer, at: number, bit = 0x10): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ bit
  return copy
}

const NAMES = [...REAL_FILE_NAMES, 'anonymous-myisam.000002', 'active-in-use.bin']

describe('a whole file', () => {
  test.each(NAMES)('%s has every event listed and no damage', async (name) => {
    const bytes = fixture(name)
    const items = await inspect(bytes)
    const events = eventsOf(items).filter((event) => !event.inPayload)
    expect(events.map(({ position, size }) => [position, size])).toEqual(
      places(bytes).map(({ at, size }) => [at, size]),
    )
    expect(items.filter((item) => item.kind === 'damage')).toEqual([])
  })

  test('has its compressed transactions opened, with the tables in them', async () => {
    const items = await inspect(fixture('compressed-trx.000004'))
    const inner = eventsOf(items).filter((event) => event.inPayload)
    expect(inner.slice(0, 4).map(({ type }) => type)).toEqual([
      EventType.QUERY,
      EventType.TABLE_MAP,
      EventType.WRITE_ROWS,
      EventType.XID,
    ])
    expect(inner.reduce((sum, { size }) => sum + size, 0)).toBe(1689 + 3281 + 1689)
    expect(items.find((item) => item.kind === 'transaction')).toMatchObject({
      gtid: `${UUID}:9`,
      begin: 362,
      end: 625,
      events: 2,
      eventsInPayload: 4,
      tables: ['app.t'],
    })
  })

  test('is listed from a position on, also one inside an event', async () => {
    const all = eventsOf(await inspect(plain))
    const { position } = all[5] as InspectedEvent
    for (const from of [position, position - 3]) {
      const items = await inspect(plain, { from })
      expect(eventsOf(items).map((event) => event.position)).toEqual(
        all.slice(5).map((event) => event.position),
      )
      expect(items.filter((item) => item.kind === 'damage')).toEqual([])
    }
  })

  test('is listed for some GTIDs only', async () => {
    const gtids = GtidSet.parse(`${UUID}:12-13:alpha:3`)
    const items = await inspect(fixture('ddl-xa.000005'), { gtids })
    const found = items.filter((item) => item.kind === 'transaction').map(({ gtid }) => gtid)
    expect(found).toEqual([`${UUID}:12`, `${UUID}:13`])
    expect(new Set(eventsOf(items).map(({ transaction }) => transaction?.gtid))).toEqual(
      new Set(found),
    )
  })

  test('that is a relay log without checksums has end positions of other files', async () => {
    const items = await inspect(fixture('relay-no-checksum.000012'), { hasOwnPositions: false })
    expect(items.map((item) => item.kind)).toEqual(Array.from({ length: 5 }, () => 'event'))
    expect(eventsOf(items)[2]).toMatchObject({
      position: 406,
      type: EventType.ROTATE,
      isTrue: true,
    })
  })

  test('has the texts and values of statements, without their checksums', async () => {
    const name = 'statement-rowsquery-partialjson.000007'
    const detailsOf = async (type: number) =>
      eventsOf(await inspect(fixture(name))).find((event) => event.type === type)?.details
    expect(await detailsOf(EventType.ROWS_QUERY)).toEqual({
      query: `insert into t(v,j) values('rq','{"a":1,"b":"${'x'.repeat(31)}"}')`,
      isWhole: true,
    })
    expect(await detailsOf(EventType.INTVAR)).toEqual({ name: 'INSERT_ID', value: '134' })
    expect(await detailsOf(EventType.RAND)).toEqual({ seed1: '200763071', seed2: '837413612' })
    expect(await detailsOf(EventType.USER_VAR)).toEqual({ name: '@u', isNull: false })
  })

  test("of MariaDB has its events by MariaDB's names", async () => {
    const items = await inspect(fixture('mariadb.000001'), { hasTransactions: false })
    expect(eventsOf(items).some(({ type }) => type === EventType.MARIADB_GTID)).toBe(true)
    expect(items.filter((item) => item.kind === 'damage')).toEqual([])
  })
})

describe('a payload', () => {
  const compressed = fixture('compressed-trx.000004')
  const at = 441
  const zstdAt = at + 31

  async function damageOf(edit: (event: Buffer) => void): Promise<string[]> {
    const bytes = Buffer.from(compressed)
    const event = bytes.subarray(at, at + 184)
    edit(event)
    event.writeUInt32LE(crc32(event.subarray(0, -4)), event.length - 4)
    return await damagesOf(bytes)
  }
  const because = (why: string): string =>
    `binlog.000002: position ${at}: the payload cannot be opened: ${why}, ` +
    `in transaction ${UUID}:9 (begins at 362)`

  test('that is no zstd data is named', async () => {
    expect(await damageOf((event) => event.fill(7, 31, 35))).toEqual([
      because('no zstd frame begins there'),
    ])
  })

  test('that claims a window of many GiB is refused before it is made', async () => {
    // Not a single segment: the next byte is the window's, and its highest value is 3.75 TiB.
    expect(compressed.readUInt32LE(zstdAt)).toBe(0xfd2fb528)
    const damages = await damageOf((event) => event.set([0x00, 0xff], 35))
    expect(damages).toEqual([because('it wants a window of 3.8 TiB, and 128.0 MiB are the most')])
  })

  test('of which more comes out than it says is not opened further', async () => {
    // The field of the uncompressed size: id 3, 3 bytes, fc, u16.
    const damages = await damageOf((event) => event.writeUInt16LE(200, 25))
    expect(damages).toEqual([because('more comes out of it than the 200 bytes that it says')])
  })

  test('of which less comes out than it says is named', async () => {
    const damages = await damageOf((event) => event.writeUInt16LE(1690, 25))
    expect(damages).toEqual([because('1689 bytes come out of it, and it says 1690')])
  })
})

describe('damage is named by file, position and transaction', () => {
  const rows = lastOf(plain, EventType.WRITE_ROWS)
  const xid = lastOf(plain, EventType.XID)
  const gtid = lastOf(plain, EventType.GTID)
  const all = places(plain)
  const begin = all.findLast((place) => place.type === EventType.GTID && place.at < rows.at)?.at
  const name = `in transaction ${UUID}:6 (begins at ${begin})`

  test('a flipped bit in a body, and the event is listed as damaged', async () => {
    const items = await inspect(flipped(plain, rows.at + 25))
    expect(await damagesOf(flipped(plain, rows.at + 25))).toEqual([
      `binlog.000002: position ${rows.at}: the checksum of the WRITE_ROWS event is wrong, ${name}`,
    ])
    expect(eventsOf(items).filter((event) => !event.isTrue)).toMatchObject([{ position: rows.at }])
    expect(eventsOf(items)).toHaveLength(all.length)
  })

  test('a flipped bit in a checksum', async () => {
    expect(await damagesOf(flipped(plain, rows.at + rows.size - 1))).toEqual([
      `binlog.000002: position ${rows.at}: the checksum of the WRITE_ROWS event is wrong, ${name}`,
    ])
  })

  test.each([0x01, 0x40])(
    'a length with bit %i flipped, and the next event is found',
    async (bit) => {
      const items = await inspect(flipped(plain, rows.at + 9, bit))
      expect(await damagesOf(flipped(plain, rows.at + 9, bit))).toEqual([
        `binlog.000002: position ${rows.at}: the WRITE_ROWS event says ${rows.size ^ bit} bytes, ` +
          `and by its end position it has ${rows.size}, ${name}`,
      ])
      expect(eventsOf(items)).toHaveLength(all.length - 1)
    },
  )

  test('a length that reaches beyond the file', async () => {
    expect(await damagesOf(flipped(plain, rows.at + 12, 0x40))).toEqual([
      `binlog.000002: position ${rows.at}: the WRITE_ROWS event says ${rows.size + 2 ** 30} bytes, ` +
        `and by its end position it has ${rows.size}, ${name}`,
    ])
  })

  test('an end position that is wrong', async () => {
    const logPos = rows.at + rows.size
    expect(await damagesOf(flipped(plain, rows.at + 15))).toEqual([
      `binlog.000002: position ${rows.at}: the checksum of the WRITE_ROWS event is wrong: ` +
        `its end position says ${logPos + 0x100000}, ${name}`,
    ])
  })

  test('a header of which nothing is left, and the next event is found', async () => {
    const broken = Buffer.from(plain).fill(0xa5, rows.at, rows.at + 19)
    expect(await damagesOf(broken)).toEqual([
      `binlog.000002: position ${rows.at}: no event is there: ${rows.size} bytes are passed over, ` +
        `the next one begins at ${rows.at + rows.size}, ${name}`,
    ])
  })

  test('a GTID event that is damaged, and its transaction is followed', async () => {
    expect(await damagesOf(flipped(plain, gtid.at + 60))).toEqual([
      expect.stringMatching(`position ${gtid.at}: the checksum of the GTID event is wrong`),
    ])
  })

  test('a GTID that is damaged itself, which is said', async () => {
    expect(await damagesOf(flipped(plain, gtid.at + 38))).toEqual([
      `binlog.000002: position ${gtid.at}: the checksum of the GTID event is wrong, in transaction ` +
        `${UUID}:1048582 (begins at ${gtid.at}, as its damaged GTID event says)`,
    ])
  })

  test('a head that is damaged, where the listing begins behind it', async () => {
    const broken = Buffer.from(plain).fill(0xff, 4 + 9, 4 + 13)
    const items = await inspect(broken, { from: rows.at })
    expect(eventsOf(items)[0]).toMatchObject({ position: rows.at, isTrue: true })
  })

  test.each([
    [
      'event',
      rows.at + 30,
      `the file ends inside the WRITE_ROWS event, which has ${rows.size} bytes`,
    ],
    ['header', rows.at + 10, 'the file ends inside the header of an event'],
  ])('a file that was cut inside an %s', async (_, size, what) => {
    expect(await damagesOf(plain.subarray(0, size))).toEqual([
      `binlog.000002: position ${rows.at}: ${what}, ${name}`,
    ])
  })

  test('a file that was cut between the events of a transaction', async () => {
    expect(await damagesOf(plain.subarray(0, xid.at))).toEqual([
      `binlog.000002: position ${xid.at}: the file ends before the transaction does, ${name}`,
    ])
  })

  test('bytes that are missing in the middle', async () => {
    const missing = Buffer.concat([plain.subarray(0, xid.at), plain.subarray(xid.at + xid.size)])
    const damages = await damagesOf(missing)
    expect(damages[0]).toMatch(`position ${xid.at}: the ROTATE event says that it ends at`)
    expect(damages[1]).toMatch(`the file ends before the transaction does, ${name}`)
    expect(damages).toHaveLength(2)
  })

  test('a transaction that is there twice', async () => {
    const end = xid.at + xid.size
    const twice = Buffer.concat([
      plain.subarray(0, end),
      plain.subarray(begin, end),
      plain.subarray(end),
    ])
    const damages = await damagesOf(twice)
    expect(damages).toContainEqual(
      `binlog.000002: position ${end}: the GTID ${UUID}:6 was there before, ` +
        `in transaction ${UUID}:6 (begins at ${end})`,
    )
  })

  test('a transaction that has another length than its GTID event says', async () => {
    const more = encodeEvent({
      type: EventType.INTVAR,
      timestamp: 1,
      serverId: 1,
      logPos: xid.at + 32,
      flags: 0,
      body: Buffer.alloc(9),
      checksum: true,
    })
    const longer = Buffer.concat([plain.subarray(0, xid.at), more, plain.subarray(xid.at)])
    const size = xid.at + xid.size - (begin ?? 0)
    expect(await damagesOf(longer)).toContainEqual(
      `binlog.000002: position ${xid.at + more.length}: the transaction ends with ` +
        `${size + more.length} bytes, and its GTID event says ${size}, ${name}`,
    )
  })
})
