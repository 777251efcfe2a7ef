import { afterEach, expect, test } from 'vitest'
import { expectAllEqual, startChain } from './harness/chain.ts'
import { endEverything } from './harness/child.ts'
import { semiSyncCounters } from './harness/semi-sync/counters.ts'
import { semiSyncOf, waitForSemiSync } from './harness/semi-sync/state.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

test('a commit waits until a replica has it, too; also one that was stored before a restart', async () => {
  const chain = await startChain({
    sourceOptions: {
      'plugin-load-add': 'semisync_source.so',
      rpl_semi_sync_source_timeout: '3600000',
    },
    replicaOptions: {
      'plugin-load-add': 'semisync_replica.so',
      rpl_semi_sync_replica_enabled: 'ON',
    },
    clauses: ['SOURCE_CONNECT_RETRY=1'],
    kingbusFlags: { 'source-semi-sync': 'true', 'serve-wait-for-replicas': '1' },
  })
  const { source, kingbus, replica } = chain
  await source.sql('CREATE DATABASE d')
  await expectAllEqual(chain)
  await source.sql('SET GLOBAL rpl_semi_sync_source_enabled = ON')
  await source.sql('CREATE TABLE d.t (id INT PRIMARY KEY)')
  await waitForSemiSync(kingbus, true, 60_000)
  await expectAllEqual(chain)

  await replica.server.sql('STOP REPLICA IO_THREAD')
  let isCommitted = false
  const committing = source.sql('INSERT INTO d.t VALUES (1)').then(() => {
    isCommitted = true
  })
  const stored = 'the commit to be stored, and to wait for a replica'
  const waiting = await waitFor({ what: stored }, async () => {
    const { replicas } = await semiSyncOf(kingbus)
    return typeof replicas?.waitingSince === 'string' ? replicas : undefined
  })
  expect(waiting).toMatchObject({ needed: 1, connected: 0, waitingFor: [] })

  // The semi-sync dump after a restart must not acknowledge it by its place.
  await kingbus.kill9()
  await kingbus.launch()
  const reason = 'kingbus to follow the source asynchronously'
  await waitFor({ what: reason, explain: () => kingbus.logTail() }, async () => {
    const { source: found } = await kingbus.status()
    return found.state === 'streaming'
  })
  expect((await semiSyncOf(kingbus)).active).toBe(false)
  expect(isCommitted).toBe(false)

  await replica.server.sql('START REPLICA IO_THREAD')
  await waitForSemiSync(kingbus, true, 60_000)
  await committing
  expect((await semiSyncCounters(source)).no).toBe(0)
  await expectAllEqual(chain)
})
