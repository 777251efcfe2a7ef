import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { flipBit } from '../../src/platform/testing/flip-bit.ts'
import { endEverything } from './harness/child.ts'
import { compareBinlogs, serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { fetchBinlogs } from './harness/mysqlbinlog.ts'
import { Mysqld } from './harness/mysqld.ts'
import { makeRunFolder } from './harness/project.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

afterAll(endEverything)

interface Alarm {
  readonly code: string
  readonly file: string
  readonly from: number
  readonly to: number
  readonly transaction?: string
}

async function alarmsOf(kingbus: Kingbus): Promise<readonly Alarm[]> {
  return (await kingbus.status())['alarms'] as readonly Alarm[]
}

async function waitForAlarm(kingbus: Kingbus, file: string): Promise<Alarm> {
  return await waitFor({ what: `an alarm of ${file}`, timeoutMs: 40_000 }, async () =>
    (await alarmsOf(kingbus)).find((alarm) => alarm.file === file),
  )
}

async function rows(source: Mysqld, from: number): Promise<void> {
  for (let id = from; id < from + 20; id += 1) {
    await source.sql(`INSERT INTO d.t VALUES (${id}, REPEAT('x', 2000))`)
  }
}

/** A flipped bit in the middle of a file is in a row of a transaction. */
function flipMiddle(kingbus: Kingbus, file: string): number {
  const path = join(kingbus.binlogFolder, file)
  const position = Math.trunc(statSync(path).size / 2)
  flipBit(path, position)
  return position
}

test('flipped bits are found, named and never served, and repaired from the source while it has the file', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT KEY, text TEXT)')
  await rows(source, 0)
  await source.sql('FLUSH BINARY LOGS')
  await rows(source, 100)
  await source.sql('FLUSH BINARY LOGS')
  await rows(source, 200)
  const kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: { 'scrub-rate': '1GiB' },
  })
  await kingbus.catchUpWith(source)
  const names = (await source.binlogs()).map(({ name }) => name)
  const [first = '', second = '', active = ''] = names.slice(-3)
  expect((await kingbus.run('status')).code).toBe(0)

  flipBit(join(kingbus.binlogFolder, `${first}.idx`), 150)
  const position = flipMiddle(kingbus, second)
  const inActive = flipMiddle(kingbus, active)
  await waitForAlarm(kingbus, `${first}.idx`)
  for (const [file, at] of [[second, position] as const, [active, inActive] as const]) {
    const alarm = await waitForAlarm(kingbus, file)
    expect(alarm.code).toBe('E_STORE_DAMAGED')
    expect(alarm.from).toBeLessThanOrEqual(at)
    expect(alarm.to).toBeGreaterThan(at)
    expect(alarm.transaction).toMatch(/:\d+$/)
  }
  const shown = await kingbus.run('status')
  expect(shown.code).toBe(1)
  expect(shown.out).toContain(`${second} of kingbus is damaged between its bytes`)
  expect(readFileSync(kingbus.logFile, 'utf8')).toContain(`"file":"${second}"`)
  const page = await (await fetch(`${kingbus.adminUrl}/metrics`)).text()
  expect(page).toContain('kingbus_file_alarms{kind="damaged"} 3')

  // A replica takes what is whole, and stops with the place; a client of another file is served.
  const mended = await kingbus.run('repair', first)
  expect(mended).toMatchObject({
    code: 0,
    out: expect.stringContaining('was repaired with what is'),
  })
  const replica = await Replica.start(kingbus, { serverId: 2 })
  const error = await replica.waitForReceiverError()
  expect(error.number).toBe(13114)
  const { from = 0 } = (await alarmsOf(kingbus)).find(({ file }) => file === second) ?? {}
  expect(error.words).toContain(`from './${second}' at ${from}`)
  expect(await source.value(`SELECT COUNT(*) FROM d.t WHERE id < 100`)).toBe('20')
  const folder = join(makeRunFolder('client'), 'files')
  await expect(fetchBinlogs(kingbus, 'BINLOG-DUMP-NON-GTIDS', first, folder)).rejects.toThrow(
    'did not pass crc check',
  )
  expect(
    readFileSync(join(folder, first)).equals(readFileSync(join(kingbus.binlogFolder, first))),
  ).toBe(true)

  const dry = await kingbus.run('repair', '--dry-run')
  expect(dry.out).toContain(`${second}: can be repaired from the source 127.0.0.1:`)
  expect(await alarmsOf(kingbus)).toHaveLength(2)
  const repaired = await kingbus.run('repair')
  expect(repaired.code).toBe(0)
  expect(repaired.out).toContain(`${second}: was repaired from the source 127.0.0.1:`)
  expect(repaired.out).toContain(`${active}: was repaired from the source 127.0.0.1:`)
  expect(await alarmsOf(kingbus)).toEqual([])
  await replica.server.sql('START REPLICA')
  await rows(source, 300)
  await replica.catchUpWith(source)
  expect(await serverDifferences(source, replica.server)).toEqual([])
  expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
  expect(
    await source.value(
      "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog%'",
    ),
  ).toBe('1')

  // Only while the source has it.
  flipMiddle(kingbus, second)
  await source.sql(`PURGE BINARY LOGS TO '${active}'`)
  const refused = await kingbus.run('repair', second)
  expect(refused.code).toBe(1)
  expect(refused.out).toContain(`${second} cannot be repaired: the source 127.0.0.1:`)
  expect(refused.out).toContain(`has purged its file ${second}`)
  expect(refused.out).toContain('E_REPAIR_IMPOSSIBLE')
  expect((await kingbus.status()).source.state).toBe('streaming')
})

test('a file is not repaired from another server that has a file of its name', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT KEY, text TEXT)')
  await rows(source, 0)
  await source.sql('FLUSH BINARY LOGS')
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await kingbus.catchUpWith(source)
  const file = (await source.binlogs()).at(-2)?.name ?? ''
  const path = join(kingbus.binlogFolder, file)

  await source.kill9()
  rmSync(join(source.dataFolder, 'auto.cnf'))
  await source.launch()
  const uuid = await source.value('SELECT @@server_uuid')
  flipMiddle(kingbus, file)
  const damaged = readFileSync(path)
  const refused = await kingbus.run('repair', file)
  expect(refused.code).toBe(1)
  expect(refused.out).toContain(`is another server (server_uuid ${uuid}) than the one that`)
  expect(refused.out).toContain('E_REPAIR_IMPOSSIBLE')
  expect(readFileSync(path).equals(damaged)).toBe(true)
})
