import { expect } from 'vitest'
import { compareBinlogs, serverDifferences } from './compare.ts'
import { Kingbus } from './kingbus.ts'
import { Mysqld } from './mysqld.ts'
import { Replica } from './replica.ts'

export interface ChainOptions {
  readonly sourceOptions?: Readonly<Record<string, string>>
  readonly replicaOptions?: Readonly<Record<string, string>>
  /** further clauses of the replica's CHANGE REPLICATION SOURCE TO */
  readonly clauses?: readonly string[]
  /** of `kingbus start`, without the dashes */
  readonly kingbusFlags?: Readonly<Record<string, string>>
}

/** A source, Kingbus behind it, and a replica behind Kingbus. */
export interface Chain {
  readonly source: Mysqld
  readonly kingbus: Kingbus
  readonly replica: Replica
}

export async function startChain(options: ChainOptions = {}): Promise<Chain> {
  const [source, server] = await Promise.all([
    Mysqld.start({ serverId: 1, options: { max_binlog_size: '4M', ...options.sourceOptions } }),
    Mysqld.start({ serverId: 2, options: options.replicaOptions ?? {} }),
  ])
  const kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: options.kingbusFlags ?? {},
  })
  const replica = new Replica(server)
  await replica.attach(kingbus, { clauses: options.clauses ?? [] })
  return { source, kingbus, replica }
}

/** The replica catches up and is the source's equal; Kingbus's files are the source's, byte by byte. */
export async function expectAllEqual(chain: Chain, timeoutMs?: number): Promise<void> {
  await chain.replica.catchUpWith(chain.source, timeoutMs).catch(async (thrown: unknown) => {
    const status = JSON.stringify(await chain.kingbus.status(), undefined, 1)
    const words = `Kingbus says ${status}\nand its log ends:\n${chain.kingbus.logTail()}`
    throw new Error(`the replica did not catch up; ${words}`, { cause: thrown })
  })
  expect(await serverDifferences(chain.source, chain.replica.server)).toEqual([])
  expect((await compareBinlogs(chain.source, chain.kingbus)).differences).toEqual([])
}
