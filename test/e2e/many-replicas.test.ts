import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startChain } from './harness/chain.ts'
import { endEverything } from './harness/child.ts'
import { fileDifference, serverDifferences } from './harness/compare.ts'
import { Load } from './harness/load.ts'
import { followBinlogs } from './harness/mysqlbinlog.ts'
import { makeRunFolder } from './harness/project.ts'
import { Replica } from './harness/replica.ts'
import { pause, waitFor } from './harness/wait.ts'

afterAll(endEverything)

const followers = 18
const memoryBytesMost = 250 * 1024 * 1024

test('twenty replicas follow under load, one that reads nothing costs the others nothing', async () => {
  const { source, kingbus, replica } = await startChain({
    sourceOptions: { max_binlog_size: '1G' },
  })
  await source.sql(
    'CREATE DATABASE many',
    'CREATE TABLE many.rows (id INT PRIMARY KEY AUTO_INCREMENT, body LONGBLOB)',
  )
  await replica.catchUpWith(source)
  const second = await Replica.start(kingbus, { serverId: 3 })
  const first = (await source.binlogs())[0]?.name ?? ''
  const folder = makeRunFolder('followers')
  const processes = Array.from({ length: followers }, (_, index) => {
    const path = join(folder, String(index))
    return { path, process: followBinlogs(kingbus, 100 + index, first, path) }
  })
  const sizeOf = (path: string): number => {
    const file = join(path, first)
    return existsSync(file) ? statSync(file).size : 0
  }
  const allHave = (paths: readonly string[], size: number): Promise<boolean> =>
    waitFor(
      { what: `${paths.length} followers to have ${size} bytes`, timeoutMs: 60_000 },
      async () => paths.every((path) => sizeOf(path) >= size),
    )
  const [before] = await source.binlogs()
  await allHave(
    processes.map(({ path }) => path),
    before?.size ?? 0,
  )

  // The one that reads nothing is frozen: its connection stays, its buffers fill.
  const [frozen, ...others] = processes
  frozen?.process.signal('SIGSTOP')
  const load = await Load.start(source, { seed: 3 })
  for (let round = 0; round < 50; round += 1) {
    await source.sql("INSERT INTO many.rows (body) VALUES (REPEAT('m', 2000000))")
  }
  await pause(1_000)
  await load.stop()
  const [active] = await source.binlogs()
  const size = active?.size ?? 0
  expect(size).toBeGreaterThan(100_000_000)
  await allHave(
    others.map(({ path }) => path),
    size,
  )
  for (const one of [replica, second]) {
    await one.catchUpWith(source)
    expect(await serverDifferences(source, one.server)).toEqual([])
  }
  expect(sizeOf(frozen?.path ?? '')).toBeLessThan(size / 2)
  expect(kingbus.memory().peakBytes).toBeLessThan(memoryBytesMost)

  frozen?.process.signal('SIGCONT')
  await allHave([frozen?.path ?? ''], size)
  for (const { path } of processes) {
    expect(fileDifference(join(path, first), active?.path ?? '', false)).toBeUndefined()
  }
})
