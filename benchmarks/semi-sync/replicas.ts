/*
  Who acknowledges the source's commits. Only one of them has a link to the source at any time; the others
  stand still (SIGSTOP). None uses TLS.
*/
import { Kingbus } from '../../test/e2e/harness/kingbus.ts'
import { Mysqld } from '../../test/e2e/harness/mysqld.ts'
import { Replica } from '../../test/e2e/harness/replica.ts'
import { stopAndRemove } from '../taking-in.ts'

export interface SemiSyncReplica {
  readonly who: string
  readonly pid: number
  /** Connects to the source, whose semi-sync plugin counts it from then on. */
  attach(): Promise<void>
  /** Gives the connection up. */
  detach(): Promise<void>
}

export interface SemiSyncReplicas {
  readonly all: readonly SemiSyncReplica[]
  remove(): Promise<void>
}

/** What a real replica's names are in the tables; it syncs its relay log after so many transactions. */
export const durableReplica = 'mysqld, sync_relay_log=1'
export const pageCacheReplica = 'mysqld, sync_relay_log=10000'

export async function startReplicas(source: Mysqld): Promise<SemiSyncReplicas> {
  const server = await Mysqld.start({
    serverId: 3,
    options: { 'plugin-load-add': 'semisync_replica.so', rpl_semi_sync_replica_enabled: 'ON' },
  })
  server.freeze()
  const kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: {
      'source-semi-sync': 'true',
      'source-tls': 'disabled',
      'source-start-at': 'newest',
    },
  })
  await kingbus.waitForState('streaming')
  await kingbus.stopSource()
  kingbus.freeze()
  const remove = async (): Promise<void> => {
    for (const frozen of [server, kingbus]) frozen.thaw()
    await stopAndRemove(kingbus)
    await server.stop()
  }
  const all = [receiver(source, server, 1), receiver(source, server, 10_000), ofKingbus(kingbus)]
  return { all, remove }
}

/** It begins anew each time, with an empty relay log at the source's end, and applies nothing. */
function receiver(source: Mysqld, server: Mysqld, syncRelayLog: 1 | 10_000): SemiSyncReplica {
  const replica = new Replica(server)
  return {
    who: syncRelayLog === 1 ? durableReplica : pageCacheReplica,
    pid: server.pid,
    async attach() {
      server.thaw()
      await server.sql(
        'RESET BINARY LOGS AND GTIDS',
        `SET GLOBAL gtid_purged = '${await source.gtidExecuted()}'`,
        'RESET REPLICA ALL',
        `SET GLOBAL sync_relay_log = ${syncRelayLog}`,
      )
      await replica.attach(source, { withoutTls: true, receiverOnly: true })
    },
    async detach() {
      await server.sql('STOP REPLICA IO_THREAD')
      server.freeze()
    },
  }
}

function ofKingbus(kingbus: Kingbus): SemiSyncReplica {
  return {
    who: 'kingbus',
    pid: kingbus.pid,
    async attach() {
      kingbus.thaw()
      await kingbus.startSource()
    },
    async detach() {
      await kingbus.stopSource()
      kingbus.freeze()
    },
  }
}
