import { afterEach, expect, test } from 'vitest'
import { present } from '../../src/lib/index.ts'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import type { Kingbus } from './harness/kingbus.ts'
import { Mysqld } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { AckChecker } from './harness/semi-sync/ack-checker.ts'
import { CheckedLoad } from './harness/semi-sync/checked-load.ts'
import { CHECKED_FLAGS } from './harness/semi-sync/checked-node.ts'
import { semiSyncCounters } from './harness/semi-sync/counters.ts'
import { ProcessTrace } from './harness/semi-sync/process-trace.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

interface ShownReplica {
  readonly semiSync: { readonly acknowledged: unknown; readonly acks: number } | null
}

async function shownReplicas(kingbus: Kingbus): Promise<readonly ShownReplica[]> {
  return (await kingbus.status())['replicas'] as ShownReplica[]
}

test('a leader that hands over, or is frozen and back, acknowledges nothing early or again', async () => {
  const source = await Mysqld.start({
    serverId: 1,
    options: {
      'plugin-load-add': 'semisync_source.so',
      rpl_semi_sync_source_enabled: 'ON',
      rpl_semi_sync_source_timeout: '3600000',
    },
  })
  const traces = [new ProcessTrace(), new ProcessTrace(), new ProcessTrace()]
  const checker = await AckChecker.start({ port: source.port, traces, nodes: 2 })
  const cluster = await KingbusCluster.start({
    source,
    sourceUrl: checker.sourceUrl,
    flags: CHECKED_FLAGS,
    envs: traces.map(({ env }) => env),
  })
  const load = await CheckedLoad.start(source, 91, checker)
  const [heir] = await cluster.followers()
  const replica = await Replica.start(heir, {
    serverId: 2,
    options: { 'plugin-load-add': 'semisync_replica.so', rpl_semi_sync_replica_enabled: 'ON' },
  })
  await load.more(60)
  await waitFor({ what: 'the replica of a follower to acknowledge there' }, async () => {
    return ((await shownReplicas(heir))[0]?.semiSync?.acks ?? 0) > 3
  })
  const before = await cluster.leader()
  expect(await shownReplicas(before)).toEqual([])

  const name = cluster.nameOf(cluster.nodes.indexOf(heir))
  await before.request('POST', `/api/v1/members/${name}/lead`)
  await waitFor({ what: 'the heir to read the source' }, async () => {
    return (await heir.status()).source.state === 'streaming'
  })
  await load.more(60)

  // It believes to lead when it goes on.
  heir.freeze()
  await load.more(60)
  heir.thaw()
  await load.more(60)
  await load.stop()
  await cluster.catchUpWith(source)
  await replica.catchUpWith(source)
  expect(checker.violations).toEqual([])
  expect(checker.dumps).toBeGreaterThan(2)
  const end = present((await source.binlogs()).at(-1), 'its newest file')
  expect(checker.newest).toEqual({ file: end.name, position: end.size })
  expect((await semiSyncCounters(source)).no).toBe(0)
  await waitFor({ what: 'the replica to have acknowledged all there is' }, async () => {
    const { visibleEnd } = await heir.status()
    const acknowledged = (await shownReplicas(heir))[0]?.semiSync?.acknowledged
    return JSON.stringify(acknowledged) === JSON.stringify(visibleEnd)
  })
})
