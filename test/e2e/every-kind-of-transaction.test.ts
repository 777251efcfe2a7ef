import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Chain, expectAllEqual, startChain } from './harness/chain.ts'
import { endEverything } from './harness/child.ts'
import { definitions, writeEveryKind } from './harness/every-kind.ts'

let chain: Chain

beforeAll(async () => {
  chain = await startChain()
  await chain.source.sql(...definitions)
})
afterAll(endEverything)

test('a default replica behind Kingbus ends equal to the source for every kind of change', async () => {
  await writeEveryKind(chain.source, 1_000)
  await expectAllEqual(chain)
  expect(Number(await chain.replica.server.value('SELECT @@replica_parallel_workers'))).toBe(4)
  const row = await chain.replica.server.value('SELECT COUNT(*) FROM kinds.plain')
  expect(Number(row)).toBeGreaterThan(60)
})

test('rotations by hand and by size leave the same files under the same names', async () => {
  const before = (await chain.source.binlogs()).length
  await chain.source.sql('FLUSH BINARY LOGS', 'FLUSH BINARY LOGS')
  await writeEveryKind(chain.source, 2_000)
  const rows = Array.from({ length: 40 }, (_, index) => `(${5_000 + index}, 0, '')`).join(', ')
  await chain.source.sql(
    'CREATE TABLE kinds.large (id INT PRIMARY KEY, amount INT, body LONGBLOB)',
    `INSERT INTO kinds.large VALUES ${rows}`,
    "UPDATE kinds.large SET body = REPEAT('r', 400000) WHERE id < 5020",
    "UPDATE kinds.large SET body = REPEAT('s', 400000) WHERE id >= 5020",
    'FLUSH BINARY LOGS',
  )
  await expectAllEqual(chain)
  expect((await chain.source.binlogs()).length).toBeGreaterThanOrEqual(before + 5)
})

test('the source may restart, cleanly and killed, and the chain goes on', async () => {
  await chain.source.restart()
  await writeEveryKind(chain.source, 3_000)
  await expectAllEqual(chain)
  await chain.source.kill9()
  await chain.source.restart()
  await writeEveryKind(chain.source, 4_000)
  await expectAllEqual(chain)
  expect(await chain.replica.bothThreadsRun()).toBe(true)
})
