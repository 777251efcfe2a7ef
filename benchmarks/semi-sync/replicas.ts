/*
  Who acknowledges the source's commits. Only one of them has a link to the source at any time; the others
  stand still (SIGSTOP). None uses TLS.
*/
import { Kingbus } from '../../test/e2e/harness/kingbus.ts'
import { Mysqld } from '../../test/e2e/harness/mysqld.ts'
import { Replica } from '../../test/e2e/harness/replica.ts'
import { cpuSeconds } from '../process-usage.ts'
import { stopAndRemove } from '../taking-in.ts'

export interface SemiSyncReplica {
  readonly who: string
  /** of user and system, that what acknowledges has taken so far */
  cpuSeconds(): number
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

/** A real replica, once as a durable one and once as one that is not. */
export interface Receivers {
  readonly durable: SemiSyncReplica
  readonly pageCache: SemiSyncReplica
  remove(): Promise<void>
}

/** @param from the source, or what stands before it */
export async function startReceivers(
  source: Mysqld,
  from: { readonly port: number } = source,
): Promise<Receivers> {
  const server = await Mysqld.start({
    serverId: 3,
    options: { 'plugin-load-add': 'semisync_replica.so', rpl_semi_sync_replica_enabled: 'ON' },
  })
  server.freeze()
  return {
    durable: receiver({ source, from, server }, 1),
    pageCache: receiver({ source, from, server }, 10_000),
    async remove() {
      server.thaw()
      await server.stop()
    },
  }
}

export async function startReplicas(source: Mysqld): Promise<SemiSyncReplicas> {
  const receivers = await startReceivers(source)
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
    kingbus.thaw()
    await stopAndRemove(kingbus)
    await receivers.remove()
  }
  return { all: [receivers.durable, receivers.pageCache, ofKingbus(kingbus)], remove }
}

interface ReceiverParts {
  readonly source: Mysqld
  readonly from: { readonly port: number }
  readonly server: Mysqld
}

/** It begins anew each time, with an empty relay log at the source's end, and applies nothing. */
function receiver(
  { source, from, server }: ReceiverParts,
  syncRelayLog: 1 | 10_000,
): SemiSyncReplica {
  const replica = new Replica(server)
  return {
    who: syncRelayLog === 1 ? durableReplica : pageCacheReplica,
    cpuSeconds: () => cpuSeconds(server.pid),
    async attach() {
      server.thaw()
      await server.sql(
        'RESET BINARY LOGS AND GTIDS',
        `SET GLOBAL gtid_purged = '${await source.gtidExecuted()}'`,
        'RESET REPLICA ALL',
        `SET GLOBAL sync_relay_log = ${syncRelayLog}`,
      )
      await replica.attach(from, { withoutTls: true, receiverOnly: true })
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
    cpuSeconds: () => cpuSeconds(kingbus.pid),
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
