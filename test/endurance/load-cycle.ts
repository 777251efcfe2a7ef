import { Load } from '../e2e/harness/load.ts'
import type { Mysqld } from '../e2e/harness/mysqld.ts'
import { pause } from '../e2e/harness/wait.ts'

export interface CycleOptions {
  readonly source: Mysqld
  readonly seed: number
  readonly cycleMs: number
  /** each of this many MiB */
  readonly bigTransactions: number
  readonly bigMegabytes: number
  /** runs beside the first load */
  readonly meanwhile: () => Promise<void>
}

/** Ends of the phases, as shares of a cycle; the rest is idle. */
const restartAt = 0.15
const mixedEnds = 0.55
const rushEnds = 0.75

/**
 * One cycle of load: small transactions and DDL at an easy pace on two connections, then as fast as the
 * source takes them, then a few big ones, then nothing. Resolves to how many transactions were acknowledged.
 */
export async function runCycle(options: CycleOptions): Promise<number> {
  const { source, seed, cycleMs } = options
  const began = performance.now()
  const until = (share: number): Promise<void> =>
    pause(Math.max(0, began + share * cycleMs - performance.now()))
  const schemas = ['load_one', 'load_two']
  const mixed = await Promise.all(
    schemas.map((schema, index) => Load.start(source, { seed: seed + index, restMs: 10, schema })),
  )
  await until(restartAt)
  await options.meanwhile()
  await until(mixedEnds)
  await Promise.all(mixed.map((load) => load.stop()))
  const rush = await Load.start(source, { seed: seed + 2, schema: 'load_one', bigShare: 0 })
  await until(rushEnds)
  await rush.stop()
  await bigTransactions(options)
  await trim(source, schemas)
  await until(1)
  return [...mixed, rush].reduce((sum, load) => sum + load.committed, options.bigTransactions)
}

async function bigTransactions(options: CycleOptions): Promise<void> {
  const { source, bigMegabytes } = options
  await source.sql(
    'CREATE TABLE IF NOT EXISTS endurance.big (id INT PRIMARY KEY AUTO_INCREMENT, body LONGBLOB)',
  )
  for (let count = 0; count < options.bigTransactions; count += 1) {
    await source.sql('BEGIN')
    for (let row = 0; row < bigMegabytes; row += 1) {
      await source.sql(`INSERT INTO endurance.big (body) VALUES (REPEAT('${row}-big ', 174763))`)
    }
    await source.sql('COMMIT')
  }
  await source.sql('DELETE FROM endurance.big ORDER BY id LIMIT 2', 'TRUNCATE endurance.big')
}

/** Keeps the tables small, so that an hour is like its first minute for the servers too. */
async function trim(source: Mysqld, schemas: readonly string[]): Promise<void> {
  for (const schema of schemas) {
    await source.sql(
      `TRUNCATE ${schema}.note`,
      `DELETE FROM ${schema}.entry ORDER BY id LIMIT 3000`,
      `DELETE FROM ${schema}.account WHERE id > 2000`,
    )
  }
}
