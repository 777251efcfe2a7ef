import { truncateSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { present } from '../../src/lib/index.ts'
import { endEverything } from './harness/child.ts'
import { compareBinlogs } from './harness/compare.ts'
import { Kingbus, type KingbusStatus } from './harness/kingbus.ts'
import { Mysqld } from './harness/mysqld.ts'
import { CheckedLoad } from './harness/semi-sync/checked-load.ts'
import { CHECKED_FLAGS, startCheckedNode } from './harness/semi-sync/checked-node.ts'
import { semiSyncCounters } from './harness/semi-sync/counters.ts'
import { semiSyncOf, waitForSemiSync } from './harness/semi-sync/state.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

const install = "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'"
const neverAlone = 'SET GLOBAL rpl_semi_sync_source_timeout = 3600000'
const switchOn = 'SET GLOBAL rpl_semi_sync_source_enabled = ON'
const switchOff = 'SET GLOBAL rpl_semi_sync_source_enabled = OFF'
const readOnly = 'SET GLOBAL super_read_only = ON'
const writable = 'SET GLOBAL read_only = OFF'

/** A source of its own, whose commits wait for ever, and what is seen of it at the socket. */
async function startChecked() {
  const options = {
    max_binlog_size: '1M',
    // Once it is installed.
    loose_rpl_semi_sync_source_enabled: 'ON',
    loose_rpl_semi_sync_source_timeout: '3600000',
  }
  const source = await Mysqld.start({ serverId: 1, options })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  await source.sql(install, switchOff, neverAlone)
  const { cuts, checker, kingbus } = await startCheckedNode(source)
  await source.sql(switchOn)
  await kingbus.catchUpWith(source)
  await waitForSemiSync(kingbus, true)
  return { source, cuts, checker, kingbus }
}

/** A commit that is on its way, and whether its client was told that it is there. */
async function commit(source: Mysqld, id: number) {
  const connection = await source.connect()
  const committing = { isDone: false, ended: Promise.resolve() }
  committing.ended = connection.query(`INSERT INTO d.t VALUES (${id})`).then(
    () => {
      committing.isDone = true
    },
    // The server is killed.
    () => {},
  )
  return committing
}

async function waitingSessions(source: Mysqld): Promise<number> {
  const rows = await source.sql("SHOW STATUS LIKE 'Rpl_semi_sync_source_wait_sessions'")
  return Number(rows[0]?.['Value'])
}

test('a source that has stopped waiting is not called waiting, until it waits again', async () => {
  const options = {
    'plugin-load-add': 'semisync_source.so',
    rpl_semi_sync_source_enabled: 'ON',
    // No commit goes on alone before it is frozen, so that what is counted is known.
    rpl_semi_sync_source_timeout: '3600000',
  }
  const source = await Mysqld.start({ serverId: 1, options })
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, flags: CHECKED_FLAGS })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  await waitForSemiSync(kingbus, true)
  const before = (await semiSyncCounters(source)).no
  await waitFor({ what: 'the source to be asked' }, async () => {
    return (await kingbus.metric('kingbus_source_semi_sync_active')) === 1
  })

  // Frozen for longer than it waits.
  await source.sql('SET GLOBAL rpl_semi_sync_source_timeout = 500')
  kingbus.freeze()
  await source.sql('INSERT INTO d.t VALUES (1)')
  expect(await semiSyncCounters(source)).toMatchObject({ on: false, no: before + 1 })
  kingbus.thaw()
  await waitFor({ what: 'the source to wait again' }, async () => {
    return (await semiSyncCounters(source)).on
  })
  const unacknowledged = 'kingbus_source_unacknowledged_commits_total'
  await waitFor({ what: 'that to be counted' }, async () => {
    return (await kingbus.metric(unacknowledged)) > 0
  })
  await waitForSemiSync(kingbus, true)

  // It waits for one that is not there, while Kingbus runs.
  const counted = await kingbus.metric(unacknowledged)
  await source.sql('SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = 2')
  await source.sql('INSERT INTO d.t VALUES (2)')
  expect((await waitForSemiSync(kingbus, false)).reason).toMatch(/^the source has stopped waiting/)
  expect(await kingbus.metric('kingbus_source_semi_sync_active')).toBe(0)
  expect(await kingbus.metric(unacknowledged)).toBeGreaterThan(counted)
  expect(kingbus.logTail()).toMatch(/the source has stopped waiting for acknowledgements/)
  await source.sql('SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = 1')
  await source.sql('INSERT INTO d.t VALUES (3)', 'INSERT INTO d.t VALUES (4)')
  expect((await waitForSemiSync(kingbus, true)).reason).toBeNull()
  expect(await semiSyncCounters(source)).toMatchObject({ on: true })
})

test('acknowledgements stay right while the source is switched off, demoted, without plugin, restarted', async () => {
  const { source, checker, kingbus } = await startChecked()
  let load = await CheckedLoad.start(source, 81, checker)
  const more = () => load.more(60, () => kingbus.logTail())
  await more()
  await source.sql(switchOff)
  await more()
  expect((await waitForSemiSync(kingbus, false)).reason).toContain(
    'SET GLOBAL rpl_semi_sync_source_enabled = ON',
  )
  const acked = checker.acks
  await source.sql(switchOn)
  await more()
  await waitForSemiSync(kingbus, true)
  expect(checker.acks).toBeGreaterThan(acked)

  // Demoted, as a failover does it, and without its plugin.
  await source.sql(readOnly, switchOff)
  await kingbus.catchUpWith(source)
  await expect(source.sql('UNINSTALL PLUGIN rpl_semi_sync_source')).rejects.toThrow()
  await kingbus.stopSource()
  // A commit that meets a plugin on its way out ends with an error, and is in the binlog.
  await load.stop()
  await source.sql(writable)
  await waitFor({ what: 'the plugin to go' }, async () => {
    return await source.sql('UNINSTALL PLUGIN rpl_semi_sync_source').then(
      () => true,
      () => false,
    )
  })
  load = await CheckedLoad.start(source, 91, checker)
  await more()
  await kingbus.startSource()
  await waitFor({ what: 'the plugin to be missed', explain: () => kingbus.logTail() }, async () => {
    return (await semiSyncOf(kingbus)).reason?.includes('has no semi-sync plugin')
  })
  const withoutPlugin = checker.acks
  await more()
  expect(checker.acks).toBe(withoutPlugin)

  // The plugin comes back with a restart under load, which switches it on.
  await source.sql(install, switchOff)
  await source.restart()
  await more()
  await waitForSemiSync(kingbus, true)
  await more()
  await load.stop()
  await kingbus.catchUpWith(source)
  expect(checker.violations).toEqual([])
  const end = (await source.binlogs()).at(-1)
  expect(checker.newest).toEqual({ file: end?.name, position: end?.size })
  expect(await semiSyncCounters(source)).toMatchObject({ clients: 1, no: 0, on: true })
  expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
})

/** Kingbus acknowledges a commit, which never arrives; the source is killed while the commit waits. */
async function crashWhileWaiting() {
  const parts = await startChecked()
  const { source, cuts, checker, kingbus } = parts
  await (await commit(source, 1)).ended
  await kingbus.catchUpWith(source)
  const before = present((await source.binlogs()).at(-1), 'its newest file')
  const acked = checker.acks
  cuts.deafen()
  const waiting = await commit(source, 2)
  await waitFor({ what: 'the commit to wait' }, async () => (await waitingSessions(source)) === 1)
  const explain = () => kingbus.logTail()
  await waitFor({ what: 'its acknowledgement', explain }, async () => checker.acks > acked)
  expect(waiting.isDone).toBe(false)
  expect(await source.value('SELECT COUNT(*) FROM d.t')).toBe('1')
  const held = (await kingbus.status()).gtidExecuted
  await source.kill9()
  await waiting.ended
  cuts.pass()
  return { ...parts, before, held }
}

test('a commit that was acknowledged, and that its source died with, is there in both afterwards', async () => {
  const { source, checker, kingbus, held } = await crashWhileWaiting()
  await source.launch()
  expect(await source.value('SELECT COUNT(*) FROM d.t')).toBe('2')
  expect(await source.gtidExecuted()).toBe(held)
  await (await commit(source, 3)).ended
  const status = await kingbus.catchUpWith(source)
  expect(status.gtidExecuted).not.toBe(held)
  expect(checker.violations).toEqual([])
  expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
})

test('a source that lost what was acknowledged gets no acknowledgement more: ingest stops in words', async () => {
  const { source, checker, kingbus, before, held } = await crashWhileWaiting()
  // As a power cut with another sync_binlog than 1: the engine takes back what the binlog does not have.
  truncateSync(before.path, before.size)
  await source.launch()
  expect(await source.value('SELECT COUNT(*) FROM d.t')).toBe('1')
  const acked = checker.acks
  const other = await commit(source, 99)
  const failed: KingbusStatus = await kingbus.waitForState('failed', 60_000)
  expect(['E_SOURCE_SHORTER', 'E_SOURCE_DIVERGED']).toContain(failed.source.error?.code)
  expect(failed.gtidExecuted).toBe(held)
  expect(other.isDone).toBe(false)
  expect(checker.acks).toBe(acked)
  expect(checker.violations).toEqual([])
  expect((await semiSyncCounters(source)).yes).toBe(0)
})
