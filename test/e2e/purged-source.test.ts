import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { copyDataFolder, Mysqld } from './harness/mysqld.ts'
import { makeRunFolder } from './harness/project.ts'
import { Replica } from './harness/replica.ts'

afterEach(endEverything)

const purgedWords = 'Cannot replicate because the source purged required binary logs'

async function writeSome(source: Mysqld, rows: readonly number[]): Promise<void> {
  await source.sql('CREATE DATABASE IF NOT EXISTS d', 'CREATE TABLE IF NOT EXISTS d.t (id INT KEY)')
  for (const id of rows) await source.sql(`INSERT INTO d.t VALUES (${id})`)
}

/** What an empty replica is told by the source itself and by Kingbus. */
async function wordsOfBoth(source: Mysqld, kingbus: Kingbus): Promise<[string, string]> {
  const replica = await Replica.start(source, { serverId: 9 })
  const fromSource = await replica.waitForReceiverError()
  await replica.server.sql('STOP REPLICA', 'RESET REPLICA ALL')
  await replica.attach(kingbus)
  const fromKingbus = await replica.waitForReceiverError()
  expect(fromKingbus.number).toBe(fromSource.number)
  await replica.server.stop()
  return [fromSource.words, fromKingbus.words]
}

test('behind a source without its older binlogs an empty replica is refused, a seeded one goes on', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  await writeSome(source, [1, 2, 3])
  await source.stop()
  const seed = join(makeRunFolder('seed'), 'data')
  await copyDataFolder(source.dataFolder, seed)
  await source.launch()
  await writeSome(source, [4, 5])
  const [, second] = await source.binlogs()
  await source.sql(`PURGE BINARY LOGS TO '${second?.name}'`)
  const purged = await source.value('SELECT @@global.gtid_purged')
  expect(purged).not.toBe('')

  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  const status = await kingbus.catchUpWith(source)
  expect(status.gtidPurged).toBe(purged)
  const [fromSource, fromKingbus] = await wordsOfBoth(source, kingbus)
  expect(fromSource).toContain(purgedWords)
  expect(fromSource).toContain(`the missing transactions are '${purged}'`)
  expect(fromKingbus).toBe(fromSource)

  const seeded = new Replica(await Mysqld.start({ serverId: 2, dataFolder: seed }))
  await seeded.attach(kingbus)
  await writeSome(source, [6])
  await seeded.catchUpWith(source)
  expect(await serverDifferences(source, seeded.server)).toEqual([])
  await seeded.server.stop()
  rmSync(seed, { recursive: true })
})

test('a purged set of several uuids and tags is taken over and told as the source tells it', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  const purged = [
    '11111111-1111-1111-1111-111111111111:1-100:blue:1-5:7:green:3',
    '22222222-2222-2222-2222-222222222222:5-9:12',
    '33333333-3333-3333-3333-333333333333:only_tagged:1-3',
  ].join(',\n')
  await source.sql('RESET BINARY LOGS AND GTIDS', `SET GLOBAL gtid_purged = '${purged}'`)
  await writeSome(source, [1])

  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  const status = await kingbus.catchUpWith(source)
  expect(status.gtidPurged.replaceAll('\n', '')).toBe(purged.replaceAll('\n', ''))
  const [fromSource, fromKingbus] = await wordsOfBoth(source, kingbus)
  expect(fromSource).toContain(purgedWords)
  expect(fromKingbus).toBe(fromSource)

  const seeded = new Replica(await Mysqld.start({ serverId: 2 }))
  await seeded.server.sql(`SET GLOBAL gtid_purged = '${purged}'`)
  await seeded.attach(kingbus)
  await seeded.catchUpWith(source)
  expect(await serverDifferences(source, seeded.server)).toEqual([])
})
