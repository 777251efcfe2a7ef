import { describe, expect, test } from 'vitest'
import { EventType, encodeEvent } from '../../../mysql/index.ts'
import { REAL_FILES } from '../../dump/testing/captures.ts'
import { eventsOf, MemoryBinlogs, type MemoryFile } from '../../dump/testing/memory-binlogs.ts'
import { outcomeOf, runStatement } from '../../testing/run-statement.ts'
import { makeScope } from '../../testing/scope.ts'
import type { Scope } from '../scope.ts'
import { answerStatement } from '../statements.ts'

const fileOf = (name: string): MemoryFile => {
  const found = REAL_FILES.find((file) => file.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

/** What a row says, without the columns that say where it is. */
async function infosOf(file: string, scope = makeScope()): Promise<string[]> {
  const found = await runStatement(`SHOW BINLOG EVENTS IN '${file}'`, scope)
  if (typeof found !== 'object' || !('rows' in found)) throw new Error(String(found))
  return found.rows.map(([, , type, , , info]) => `${type}: ${info}`)
}

test('an event of each kind is told as MySQL tells it', async () => {
  const all = (await Promise.all(REAL_FILES.map(({ name }) => infosOf(name)))).flat()
  const uuid = '90b578d4-e6e1-11f1-82c0-02fc00000001'
  for (const info of [
    'Format_desc: Server ver: 9.7.4-2, Binlog ver: 4',
    `Previous_gtids: ${uuid}:1-2`,
    `Gtid: SET @@SESSION.GTID_NEXT= '${uuid}:3'`,
    `Gtid_tagged_log_event: SET @@SESSION.GTID_NEXT= '${uuid}:alpha:1'`,
    'Query: create database app /* xid=11 */',
    'Query: use `app`; create table x1(a int primary key) /* xid=44 */',
    'Query: BEGIN',
    'Xid: COMMIT /* xid=46 */',
    'Rotate: mysql-bin.000006;pos=4',
    "XA_prepare: XA PREPARE X'67747231',X'627131',5",
    "XA_prepare: XA COMMIT X'67747233',X'',1 ONE PHASE",
    "Rows_query: # update t set j=json_set(j,'$.a',2) where v='rq'",
    'Intvar: INSERT_ID=134',
    'User var: @`u`=_utf8mb4 0x75736572766172 COLLATE utf8mb4_0900_ai_ci',
    'RAND: rand_seed1=200763071,rand_seed2=837413612',
  ]) {
    expect(all).toContain(info)
  }
  expect(all.join('\n')).toMatch(/^Table_map: table_id: \d+ \(app\.\w+\)$/m)
  expect(all.join('\n')).toMatch(
    /^Write_rows: table_id: \d+ flags: STMT_END_F USE_SQL_FOREIGN_KEY_F$/m,
  )
  expect(all.join('\n')).toMatch(/^Write_rows: table_id: \d+ flags: USE_SQL_FOREIGN_KEY_F$/m)
  expect(all.join('\n')).toMatch(/^Update_rows_partial: table_id: \d+ flags: STMT_END_F USE/m)
  expect(all.join('\n')).toMatch(
    /^Transaction_payload: compression='ZSTD', decompressed_size=\d+ bytes$/m,
  )
})

test.each(REAL_FILES.map(({ name }) => name))(
  '%s is shown from end to end, however its records lie',
  async (name) => {
    const events = eventsOf(fileOf(name).bytes)
    const places = events.map(({ position, event }) => [
      name,
      String(position),
      expect.any(String),
      String(event.readUInt32LE(5)),
      String(position + event.length),
      expect.any(String),
    ])
    const wholes = []
    for (const recordSize of [137, 100_000]) {
      const scope = { ...makeScope(), binlogs: new MemoryBinlogs(REAL_FILES, recordSize) }
      const rows = await outcomeOf(`SHOW BINLOG EVENTS IN '${name}'`, scope)
      expect(rows).toEqual(places)
      wholes.push(rows)
    }
    expect(wholes[0]).toEqual(wholes[1])
  },
)

describe('a part of a file', () => {
  const positions = async (rest: string, scope = makeScope()): Promise<unknown> => {
    const found = await runStatement(`SHOW BINLOG EVENTS IN 'binlog.000002' ${rest}`, scope)
    if (typeof found !== 'object') return found
    return 'rows' in found ? found.rows.map(([, position]) => Number(position)) : found.code
  }

  test('begins where it is asked for, and ends with its limit', async () => {
    const all = (await positions('')) as number[]
    expect(all.slice(0, 4)).toEqual([4, 127, 198, 275])
    expect(await positions('FROM 198')).toEqual(all.slice(2))
    expect(await positions('FROM 0')).toEqual(all)
    expect(await positions('LIMIT 1')).toEqual([4])
    expect(await positions('FROM 127 LIMIT 1, 2')).toEqual(all.slice(2, 4))
    expect(await positions('FROM 127 LIMIT 2 OFFSET 1')).toEqual(all.slice(2, 4))
    expect(await positions('LIMIT 0')).toEqual([])
    expect(await positions('LIMIT 1000, 5')).toEqual([])
  })

  test('begins with the next event where none begins at the place', async () => {
    expect(await positions('FROM 5 LIMIT 1')).toEqual([127])
    expect(await positions('FROM 128 LIMIT 1')).toEqual([198])
    expect(await positions('FROM 1000000')).toEqual([])
    expect(await positions("FROM 'x'")).toBe(1064)
    expect(await positions('LIMIT')).toBe(1064)
  })

  test('ends with what is shown to replicas', async () => {
    const binlogs = new MemoryBinlogs([fileOf('binlog.000002')])
    binlogs.show('binlog.000002', 380)
    expect(await positions('', { ...makeScope(), binlogs })).toEqual([4, 127, 198, 275])
  })
})

test('the oldest file is shown when none is named, and only to those who may replicate', async () => {
  const rows = await outcomeOf('SHOW BINLOG EVENTS LIMIT 1', makeScope())
  expect(rows).toEqual([
    ['binlog.000002', '4', 'Format_desc', '1', '127', 'Server ver: 9.7.4-2, Binlog ver: 4'],
  ])
  const monitor = makeScope({ rights: ['monitor', 'administer'] })
  expect(await outcomeOf('SHOW BINLOG EVENTS', monitor)).toBe(1227)
  expect(await outcomeOf("SHOW BINLOG EVENTS IN 'binlog.000099'", makeScope())).toBe(1220)
})

/** A file with statements of these texts. */
function fileWith(...texts: readonly string[]): MemoryFile {
  const head = fileOf('binlog.000002').bytes.subarray(0, 127)
  const events = texts.map((text) =>
    encodeEvent({
      type: EventType.QUERY,
      timestamp: 1,
      serverId: 1,
      logPos: 0,
      flags: 0,
      body: Buffer.concat([
        Buffer.alloc(8),
        Buffer.from([3, 0, 0, 0, 0]),
        Buffer.from(`d\`b\0${text}`),
      ]),
      checksum: true,
    }),
  )
  return { name: 'binlog.000001', bytes: Buffer.concat([head, ...events]) }
}

const scopeWith = (binlogs: MemoryBinlogs): Scope => ({ ...makeScope(), binlogs })

test('a statement that is too long is cut off, and what follows it is shown', async () => {
  const binlogs = new MemoryBinlogs([fileWith('a'.repeat(3_000_000), 'DROP TABLE t')], 100_000)
  const [, long = '', last] = await infosOf('binlog.000001', scopeWith(binlogs))
  expect(long.length).toBeLessThan(1_100_000)
  expect(long).toMatch(/^Query: use `d``b`; aaa.*a\.\.\.$/)
  expect(last).toBe('Query: use `d``b`; DROP TABLE t')
})

test('rows are made as they are taken, and the file is let go when nobody takes them', async () => {
  const binlogs = new MemoryBinlogs(
    [fileWith(...Array.from({ length: 50_000 }, () => 'x'))],
    10_000,
  )
  const answer = await answerStatement('SHOW BINLOG EVENTS', scopeWith(binlogs))
  if (answer.kind !== 'stream') throw new Error(answer.kind)
  for await (const piece of answer.pieces) {
    expect(piece.length).toBeLessThan(1000)
    break
  }
  expect(binlogs.readsCount).toBeLessThan(5)
  expect(binlogs.openCount).toBe(0)
})

test('damage is an error, and the file is let go', async () => {
  const binlogs = new MemoryBinlogs([fileOf('binlog.000006')])
  binlogs.damagedFrom = 50_000
  const answer = await answerStatement('SHOW BINLOG EVENTS', scopeWith(binlogs))
  if (answer.kind !== 'stream') throw new Error(answer.kind)
  const take = async (): Promise<void> => {
    for await (const piece of answer.pieces) expect(piece.length).toBeGreaterThan(0)
  }
  await expect(take()).rejects.toThrow('damaged')
  expect(binlogs.openCount).toBe(0)
})
