import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterEach, expect, test } from 'vitest'
import { expectAllEqual, startChain } from './harness/chain.ts'
import { endEverything } from './harness/child.ts'
import type { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { replicationPassword, replicationUser } from './harness/mysqld.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

const semiSyncReplica = {
  'plugin-load-add': 'semisync_replica.so',
  rpl_semi_sync_replica_enabled: 'ON',
}

interface Shown {
  readonly state: string
  readonly semiSync: { readonly acknowledged: unknown; readonly acks: number } | null
}

async function shownReplica(kingbus: Kingbus): Promise<Shown | undefined> {
  return ((await kingbus.status())['replicas'] as Shown[])[0]
}

async function statusRow(kingbus: Kingbus, name: string): Promise<string | undefined> {
  const user = { user: replicationUser, password: replicationPassword }
  const connection = await createConnection({ port: kingbus.port, ...user })
  const [rows] = await connection.query<RowDataPacket[]>(`SHOW GLOBAL STATUS LIKE '${name}'`)
  await connection.end()
  return rows[0]?.['Value']
}

/** Waits until the replica has acknowledged the visible end. */
async function waitForEnd(kingbus: Kingbus): Promise<void> {
  await waitFor({ what: 'the replica to acknowledge the visible end' }, async () => {
    const { visibleEnd } = await kingbus.status()
    const acknowledged = (await shownReplica(kingbus))?.semiSync?.acknowledged
    return JSON.stringify(acknowledged) === JSON.stringify(visibleEnd)
  })
}

test('a replica over a compressed connection is no semi-sync one, and replicates', async () => {
  const chain = await startChain({
    replicaOptions: semiSyncReplica,
    clauses: ["SOURCE_COMPRESSION_ALGORITHMS='zlib'"],
  })
  await chain.source.sql('CREATE DATABASE d')
  await expectAllEqual(chain)
  expect((await shownReplica(chain.kingbus))?.semiSync).toBeNull()
  expect(await statusRow(chain.kingbus, 'Rpl_semi_sync_source_clients')).toBe('0')
})

test('a real semi-sync replica acknowledges what it is sent, by the end of it', async () => {
  const chain = await startChain({
    sourceOptions: { max_binlog_size: '1M' },
    replicaOptions: semiSyncReplica,
  })
  const { source, kingbus, replica } = chain
  const loads = await Promise.all(
    [0, 1].map((seed) => Load.start(source, { seed, schema: `load_${seed}` })),
  )
  await waitFor({ what: 'commits' }, async () => loads.every(({ committed }) => committed > 300))
  await Promise.all(loads.map((load) => load.stop()))
  await expectAllEqual(chain)
  expect(
    await replica.server.value("SHOW STATUS LIKE 'Rpl_semi_sync_replica_status'"),
  ).toBeDefined()
  await waitForEnd(kingbus)
  expect(Number(await statusRow(kingbus, 'Rpl_semi_sync_source_clients'))).toBe(1)
  expect(Number(await statusRow(kingbus, 'Rpl_semi_sync_source_net_waits'))).toBeGreaterThan(5)

  // It comes back holding all there is: it says so without being sent anything.
  await replica.server.sql('STOP REPLICA IO_THREAD', 'START REPLICA IO_THREAD')
  await waitForEnd(kingbus)
  await source.sql('FLUSH BINARY LOGS', 'CREATE DATABASE later')
  await expectAllEqual(chain)
  await waitForEnd(kingbus)
  const log = replica.server.errorLog()
  expect(log).not.toMatch(/packets out of order|malformed|Read semi-sync reply|semi-sync.*error/i)
})
