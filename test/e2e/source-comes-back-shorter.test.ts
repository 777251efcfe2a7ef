import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { transactionsIn } from './harness/binlogs/transactions.ts'
import { expectAllEqual, startChain } from './harness/chain.ts'
import { endEverything } from './harness/child.ts'
import { serverDifferences } from './harness/compare.ts'
import { makeRunFolder } from './harness/project.ts'
import { Replica } from './harness/replica.ts'
import { switchTo } from './harness/switch.ts'

afterAll(endEverything)

test('a source that lost transactions which Kingbus holds stops ingest in words, and serving goes on', async () => {
  const chain = await startChain()
  const { source, kingbus, replica } = chain
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  await source.sql('INSERT INTO d.t VALUES (1)')
  await expectAllEqual(chain)

  // An older copy of the source's own data takes its place, as after a bad restore or a lost disk.
  await source.stop()
  const older = join(makeRunFolder('older'), 'data')
  execFileSync('cp', ['-r', source.dataFolder, older])
  await source.launch()
  await source.sql('INSERT INTO d.t VALUES (2)', 'INSERT INTO d.t VALUES (3)')
  await expectAllEqual(chain)
  const held = await source.gtidExecuted()
  await source.stop()
  rmSync(source.dataFolder, { recursive: true })
  execFileSync('cp', ['-r', older, source.dataFolder])
  await source.launch()

  const status = await kingbus.waitForState('failed', 60_000)
  expect(['E_SOURCE_SHORTER', 'E_SOURCE_DIVERGED']).toContain(status.source.error?.code)
  expect(status.source.error?.message).toMatch(/source/)
  expect(status.source.error?.message.length).toBeGreaterThan(40)
  expect(status.gtidExecuted).toBe(held)

  await source.sql('INSERT INTO d.t VALUES (999)')
  const late = await Replica.start(kingbus, { serverId: 3 })
  await late.waitForGtids(held)
  expect(await serverDifferences(replica.server, late.server)).toEqual([])
  expect(await late.server.value('SELECT GROUP_CONCAT(id ORDER BY id) FROM d.t')).toBe('1,2,3')
  expect(await late.bothThreadsRun()).toBe(true)

  // The way out is a server that has what was lost; the one that lost it is not gone back to.
  const uuid = await source.value('SELECT @@server_uuid')
  expect(await switchTo(kingbus, source, true)).toMatchObject({
    switched: false,
    refusal: { code: 'E_SOURCE_DIVERGED', message: expect.stringContaining(`: ${uuid}:5;`) },
    lacking: `${uuid}:5`,
  })
  await late.server.sql('STOP REPLICA', 'RESET REPLICA ALL')
  const moved = { switched: true, refusal: null, lacking: '' }
  expect(await switchTo(kingbus, late.server)).toMatchObject(moved)
  await late.server.sql('INSERT INTO d.t VALUES (4)')
  await replica.catchUpWith(late.server)
  expect(await replica.bothThreadsRun()).toBe(true)
  expect(await serverDifferences(late.server, replica.server)).toEqual([])
  const own = await late.server.value('SELECT @@server_uuid')
  const gtids = [1, 2, 3, 4, 5].map((gno) => `${uuid}:${gno}`)
  const stored = await transactionsIn(kingbus.binlogs())
  expect([...stored.keys()]).toEqual([...gtids, `${own}:1`])
})

test('files of the source made anew behind more than Kingbus has are not gone on with by name', async () => {
  const chain = await startChain()
  const { source, kingbus } = chain
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  // The newest file has no transaction that could be compared.
  await source.sql('FLUSH BINARY LOGS')
  await expectAllEqual(chain)
  const name = (await source.binlogs()).at(-1)?.name ?? ''
  await kingbus.stop()
  const held = await source.gtidExecuted()
  await source.sql('INSERT INTO d.t VALUES (1)')
  const purged = await source.gtidExecuted()
  await source.sql('RESET BINARY LOGS AND GTIDS', `SET GLOBAL gtid_purged = '${purged}'`)
  for (let last = ''; last !== name; last = (await source.binlogs()).at(-1)?.name ?? '') {
    await source.sql('FLUSH BINARY LOGS')
  }
  await source.sql('INSERT INTO d.t VALUES (2)')

  await kingbus.launch('/healthz')
  const { gtidExecuted, source: link } = await kingbus.waitForState('failed', 60_000)
  expect(link.error).toMatchObject({
    code: 'E_SOURCE_DIVERGED',
    message: expect.stringContaining(`${name}:4 (a transaction at `),
  })
  expect(gtidExecuted).toBe(held)
})
