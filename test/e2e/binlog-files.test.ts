import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Chain, expectAllEqual, startChain } from './harness/chain.ts'
import { endEverything } from './harness/child.ts'
import { fileDifference, serverDifferences } from './harness/compare.ts'
import { definitions, writeEveryKind } from './harness/every-kind.ts'
import { type DumpKind, fetchBinlogs, mysqlbinlog, remoteArguments } from './harness/mysqlbinlog.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { makeRunFolder } from './harness/project.ts'
import { Replica } from './harness/replica.ts'

let chain: Chain
let first: string

beforeAll(async () => {
  chain = await startChain()
  const { source } = chain
  await source.sql(...definitions)
  await writeEveryKind(source, 1_000)
  await source.sql('FLUSH BINARY LOGS')
  await writeEveryKind(source, 2_000)
  await source.sql('FLUSH BINARY LOGS')
  await writeEveryKind(source, 3_000)
  await expectAllEqual(chain)
  first = (await source.binlogs())[0]?.name ?? ''
})
afterAll(endEverything)

test('closed files are the source\u2019s, byte for byte, under the same names', async () => {
  const closed = (await chain.source.binlogs()).slice(0, -1)
  expect(closed.length).toBeGreaterThanOrEqual(2)
  for (const { name, path } of closed) {
    const held = readFileSync(join(chain.kingbus.binlogFolder, name))
    expect(held.equals(readFileSync(path)), name).toBe(true)
  }
})

test('mysqlbinlog reads each file and verifies every checksum in it', async () => {
  for (const { name, path } of chain.kingbus.binlogs()) {
    const text = await mysqlbinlog('--verify-binlog-checksum', path)
    expect(text, name).toContain('end_log_pos')
  }
})

const kinds: readonly DumpKind[] = ['BINLOG-DUMP-GTIDS', 'BINLOG-DUMP-NON-GTIDS']
for (const kind of kinds) {
  test(`mysqlbinlog fetches the files from Kingbus again by ${kind}, as it does from the source`, async () => {
    const folder = makeRunFolder('fetched')
    const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')]
    await fetchBinlogs(chain.kingbus, kind, first, ours)
    await fetchBinlogs(chain.source, kind, first, theirs)
    for (const { name, path } of await chain.source.binlogs()) {
      expect(fileDifference(join(ours, name), join(theirs, name), false), name).toBeUndefined()
      expect(fileDifference(join(ours, name), path, false), name).toBeUndefined()
    }
  })
}

test('a dump from a file and position in the middle prints what the source\u2019s own prints', async () => {
  const [row] = await chain.source.sql(`SHOW BINLOG EVENTS IN '${first}' LIMIT 1 OFFSET 40`)
  const from = `--start-position=${row?.['Pos']}`
  const texts = []
  for (const address of [chain.source, chain.kingbus]) {
    const remote = remoteArguments(address, 'BINLOG-DUMP-NON-GTIDS')
    const text = await mysqlbinlog(...remote, from, first)
    // Only the FORMAT_DESCRIPTION's line and blob may differ: who answers shows its own server_id.
    texts.push(text.slice(text.indexOf(`# at ${row?.['Pos']}\n`)))
  }
  expect(texts[1]).toBe(texts[0])
  expect(texts[0]?.length).toBeGreaterThan(1_000)
})

test('a replica that asks by file and position ends equal to the source', async () => {
  const replica = new Replica(await Mysqld.start({ serverId: 5 }))
  await replica.server.sql(
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${chain.kingbus.port},
       SOURCE_USER='${replicationUser}', SOURCE_PASSWORD='${replicationPassword}',
       SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='${first}', SOURCE_LOG_POS=4`,
    'START REPLICA',
  )
  await replica.catchUpWith(chain.source)
  expect(await serverDifferences(chain.source, replica.server)).toEqual([])
  expect(await replica.bothThreadsRun()).toBe(true)
})

test('a replica moves from the source to Kingbus and back by file and position, and loses nothing', async () => {
  const { source, kingbus } = chain
  const replica = await Replica.start(source, { serverId: 7 })
  const write = (table: string): Promise<unknown> =>
    source.sql(
      `CREATE TABLE kinds.${table} (id INT PRIMARY KEY)`,
      `INSERT INTO kinds.${table} VALUES (1)`,
    )
  for (const [round, next] of [kingbus, source, kingbus, source].entries()) {
    await write(`moved_${round}`)
    await replica.catchUpWith(source)
    await replica.server.sql('STOP REPLICA')
    const inside = await replica.place()
    await write(`away_${round}`)
    await source.sql('FLUSH BINARY LOGS')
    await kingbus.catchUpWith(source)
    await replica.moveTo(next, inside)
    await replica.catchUpWith(source)
    // Now at the begin of the file that was begun meanwhile, of which nothing was applied yet.
    await replica.server.sql('STOP REPLICA')
    const newest = (await source.binlogs()).at(-1)?.name ?? ''
    await replica.moveTo(next === kingbus ? source : kingbus, { file: newest, position: 4 })
    await write(`begun_${round}`)
    await replica.catchUpWith(source)
    expect(await replica.receiverError()).toEqual({ number: 0, words: '' })
    expect((await replica.place()).file).toBe(newest)
  }
  expect(await serverDifferences(source, replica.server)).toEqual([])
})

test('a replica without TLS, by the RSA key of Kingbus, ends equal to the source', async () => {
  const replica = await Replica.start(chain.kingbus, { serverId: 6 }, { withoutTls: true })
  await replica.catchUpWith(chain.source)
  expect(await serverDifferences(chain.source, replica.server)).toEqual([])
})

test('the comparison of two servers finds a changed row, and that of files a changed byte', async () => {
  const server = chain.replica.server
  await server.sql('SET sql_log_bin = 0', 'DELETE FROM kinds.no_key LIMIT 1', 'SET sql_log_bin = 1')
  const differences = await serverDifferences(chain.source, server)
  expect(differences).toHaveLength(1)
  expect(differences[0]).toMatch(/^kinds\.no_key: checksum \d+ against \d+$/)
  const [one, other] = await chain.source.binlogs()
  expect(fileDifference(one?.path ?? '', other?.path ?? '', true)).toMatch(/position|bytes/)
})
