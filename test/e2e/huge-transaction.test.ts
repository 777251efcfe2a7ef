import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Chain, expectAllEqual, startChain } from './harness/chain.ts'
import { endEverything } from './harness/child.ts'

const memoryBytesMost = 200 * 1024 * 1024

let chain: Chain

beforeAll(async () => {
  chain = await startChain()
  await chain.source.sql(
    'CREATE DATABASE huge',
    'CREATE TABLE huge.rows (id INT PRIMARY KEY, body LONGBLOB)',
  )
})
afterAll(endEverything)

/** One transaction of `count` rows with a body of `size` bytes each. */
function writeRows(firstId: number, count: number, size: number): Promise<unknown> {
  return chain.source.sql(
    `INSERT INTO huge.rows
       WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${count})
       SELECT ${firstId} + i, REPEAT(CHAR(65 + i % 26), ${size}) FROM n`,
  )
}

test('an event of 40 MB, so of three packets, reaches the replica', async () => {
  await writeRows(1, 1, 40_000_000)
  await expectAllEqual(chain)
})

test('an event of exactly 16 MiB less one byte in its packet reaches the replica', async () => {
  for (let size = 0xffffff - 60; size < 0xffffff - 20; size += 8) await writeRows(size, 1, size)
  await expectAllEqual(chain)
})

test('a transaction of 300 MB passes in less than 200 MB of memory', async () => {
  await writeRows(1_000, 300, 1_000_000)
  await expectAllEqual(chain, 180_000)
  expect(chain.kingbus.memory().peakBytes).toBeLessThan(memoryBytesMost)
})
