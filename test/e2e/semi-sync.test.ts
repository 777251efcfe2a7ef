import { rmSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { Committers } from './harness/committers.ts'
import { compareBinlogs } from './harness/compare.ts'
import { definitions, writeEveryKind } from './harness/every-kind.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { semiSyncCounters } from './harness/semi-sync/counters.ts'
import { semiSyncOf, waitForSemiSync } from './harness/semi-sync/state.ts'
import { pause, waitFor } from './harness/wait.ts'

afterEach(endEverything)

const plugin = { 'plugin-load-add': 'semisync_source.so', max_binlog_size: '1M' }
const hour = 3_600_000

/** A source with the plugin whose commits wait for ever, and Kingbus behind it. */
async function startPair(
  flags: Readonly<Record<string, string>> = {},
): Promise<{ source: Mysqld; kingbus: Kingbus }> {
  const source = await Mysqld.start({ serverId: 1, options: plugin })
  await source.sql('CREATE DATABASE test', Committers.definition)
  const kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: { 'source-semi-sync': 'true', ...flags },
  })
  await kingbus.catchUpWith(source)
  await source.sql(
    `SET GLOBAL rpl_semi_sync_source_timeout = ${hour}`,
    'SET GLOBAL rpl_semi_sync_source_enabled = ON',
  )
  return { source, kingbus }
}

test.each([false, true])(
  'what clients saw committed outlives the source and its data (Kingbus killed too: %s)',
  async (killKingbus) => {
    const { source, kingbus } = await startPair()
    const committers = Committers.start(source, 8)
    await waitFor({ what: '2000 commits' }, async () => committers.count >= 2000)
    await source.kill9()
    if (killKingbus) await kingbus.kill9()
    await committers.stop()
    rmSync(source.dataFolder, { recursive: true })
    if (killKingbus) await kingbus.launch()
    const replica = await Replica.start(kingbus, { serverId: 2 })
    await waitFor({ what: 'the replica to have all that Kingbus has' }, async () => {
      const { gtidExecuted } = await kingbus.status()
      return (await replica.server.gtidExecuted()) === gtidExecuted.replaceAll('\n', '')
    })
    await committers.expectAllIn(replica.server)
  },
)

test('no commit goes on without an acknowledgement, also across reconnects and rotations', async () => {
  const { source, kingbus } = await startPair()
  expect(await semiSyncCounters(source)).toMatchObject({ clients: 1 })
  const committers = Committers.start(source, 4)
  const made = async (more: number): Promise<void> => {
    const goal = committers.count + more
    await waitFor({ what: `${goal} commits`, explain: () => kingbus.logTail() }, async () => {
      return committers.count >= goal
    })
  }
  await made(500)
  for (let round = 0; round < 3; round += 1) {
    if (round === 1) await kingbus.kill9()
    else await kingbus.stop()
    await kingbus.launch()
    await made(300)
    await source.sql('FLUSH BINARY LOGS')
    await made(100)
  }
  await committers.stop()
  await source.sql(...definitions)
  await writeEveryKind(source, 1_000)
  await kingbus.catchUpWith(source)
  const { clients, yes, no } = await semiSyncCounters(source)
  expect({ clients, no }).toEqual({ clients: 1, no: 0 })
  // The source counts a group commit once.
  expect(yes).toBeGreaterThan(committers.count / 8)
  expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
  const state = await waitForSemiSync(kingbus, true)
  const end = (await source.binlogs()).at(-1)
  expect(state.acknowledged).toEqual({ file: end?.name, position: end?.size })
})

test('commits wait while Kingbus cannot store: frozen, or its disk has no room', async () => {
  const { source, kingbus } = await startPair()
  const insert = (id: number): Promise<unknown> =>
    source.sql(`INSERT INTO test.seen VALUES (${id}, 'x')`)
  await insert(1)
  kingbus.freeze()
  let done = false
  const waiting = insert(2).then(() => {
    done = true
  })
  await pause(1_000)
  expect(done).toBe(false)
  kingbus.thaw()
  await waiting
  expect(done).toBe(true)

  await kingbus.stop()
  const starved = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: { 'source-semi-sync': 'true', 'disk-min-free': '100TiB', 'source-start-at': 'newest' },
  })
  let stored = false
  const second = await source.connect()
  const more = second.query("INSERT INTO test.seen VALUES (3, 'x')").then(() => {
    stored = true
  })
  await starved.waitForState('paused')
  await pause(500)
  expect(stored).toBe(false)
  await starved.stop()
  await kingbus.launch()
  await more
  expect(stored).toBe(true)
  await second.end()
})

test('a file that begins inside the source’s is acknowledged by the source’s positions', async () => {
  const source = await Mysqld.start({ serverId: 1, options: plugin })
  await source.sql('CREATE DATABASE test', Committers.definition)
  for (let id = 0; id < 50; id += 1) {
    await source.sql(`INSERT INTO test.seen VALUES (${1_000_000 + id}, REPEAT('b', 3000))`)
  }
  const kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: { 'source-semi-sync': 'true', 'source-start-at': 'newest' },
  })
  await kingbus.waitForState('streaming')
  await source.sql(
    `SET GLOBAL rpl_semi_sync_source_timeout = ${hour}`,
    'SET GLOBAL rpl_semi_sync_source_enabled = ON',
  )
  const committers = Committers.start(source, 4)
  await waitFor({ what: '200 commits' }, async () => committers.count >= 200)
  await kingbus.kill9()
  await kingbus.launch()
  const goal = committers.count + 200
  await waitFor({ what: `${goal} commits` }, async () => committers.count >= goal)
  await committers.stop()
  await kingbus.catchUpWith(source)
  const end = (await source.binlogs()).at(-1)
  const ours = kingbus.binlogs().at(-1)
  const { acknowledged } = await waitForSemiSync(kingbus, true)
  expect(acknowledged).toEqual({ file: end?.name, position: end?.size })
  expect(ours?.name).toBe(end?.name)
  expect(await semiSyncCounters(source)).toMatchObject({ clients: 1, no: 0 })
})

test('a source without the plugin, or with it switched off, is followed, and the state says so', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  const kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: { 'source-semi-sync': 'true' },
  })
  await source.sql('CREATE DATABASE test', Committers.definition)
  await kingbus.catchUpWith(source)
  expect(await semiSyncOf(kingbus)).toMatchObject({
    wanted: true,
    active: false,
    reason: expect.stringContaining('INSTALL PLUGIN rpl_semi_sync_source'),
  })
  await source.sql("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
  await kingbus.restart()
  await kingbus.waitForState('streaming')
  expect(await semiSyncOf(kingbus)).toMatchObject({
    active: false,
    reason: expect.stringContaining('SET GLOBAL rpl_semi_sync_source_enabled = ON'),
  })
  await source.sql(
    'SET GLOBAL rpl_semi_sync_source_enabled = ON',
    "INSERT INTO test.seen VALUES (1, '')",
  )
  expect(await waitForSemiSync(kingbus, true)).toMatchObject({ reason: null })
  expect(await semiSyncCounters(source)).toEqual({ clients: 1, yes: 1, no: 0, on: true })
})
