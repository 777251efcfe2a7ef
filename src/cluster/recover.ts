/*
  Making one node's log the whole truth of a new cluster, after etcd's data or a majority of the nodes are lost for
  good. Nothing here is safe by the rules of the protocol: a person says that this node is to be trusted. What other
  nodes had and this one lacks is lost.
*/
import { type Logger, OperationalError } from '../lib/index.ts'
import type { Clock, Disk } from '../platform/index.ts'
import { type LogEnd, ReplicatedLog } from '../store/index.ts'
import { EtcdMember } from './etcd/index.ts'
import { readFacts, writeFacts } from './log/facts-file.ts'

export interface RecoverOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  /** the data directory, which this process has taken */
  readonly path: string
  /** of its store */
  readonly binlogs: string
  readonly storeId: string
}

/** What a recovery trusts, and what it does. */
export interface RecoveryPlan {
  /** the cluster that is given up; undefined: it never was in one */
  readonly cluster: string | undefined
  /** the highest epoch that this node has accepted, and the last of its records with its epoch */
  readonly promised: number
  readonly epoch: number
  readonly end: number
  /** where its newest file ends, with half a transaction behind the boundary maybe */
  readonly place: LogEnd | undefined
  /** the last record that this node knows to be committed: those behind it count from now on too */
  readonly known: number
  /** GTIDs of all that it has */
  readonly executed: string
  /** where etcd's data go; undefined where there are none */
  readonly etcdAside: string | undefined
}

/** @throws OperationalError E_ETCD_IN_USE, E_STORE_DAMAGED, E_STORE_FORMAT */
export async function planRecovery(options: RecoverOptions): Promise<RecoveryPlan> {
  const { disk, clock, logger, path, binlogs: folder, storeId } = options
  if (await disk.isLocked(`${path}/etcd-member/lock`)) {
    const message = `an etcd of this node still runs in ${path}/etcd: end it first`
    throw new OperationalError('E_ETCD_IN_USE', message, { folder: path })
  }
  const { cluster, promised, known } = await readFacts(disk, factsOf(path))
  const log = await ReplicatedLog.open({ disk, folder, storeId, logger })
  try {
    await log.show(log.durable)
    const hasEtcd = await disk.exists(`${path}/etcd`)
    return {
      cluster,
      promised,
      epoch: log.lineage.at(-1)?.epoch ?? 0,
      end: log.end,
      place: log.appended,
      known: Math.min(known, log.end),
      executed: log.executed().toString(),
      etcdAside: hasEtcd ? `${path}/etcd.before-${clock.nowMs()}` : undefined,
    }
  } finally {
    await log.close()
  }
}

/** Carries it out: the next start begins a cluster in which this node is the only member. */
export async function recover(
  { disk, path }: RecoverOptions,
  { promised, known, etcdAside }: RecoveryPlan,
): Promise<void> {
  // The promise stays: the new cluster's epochs go on from it, so that the log's stay in order.
  const facts = { promised, known, cluster: undefined, seen: { epoch: 0, version: 0 } }
  // What the log lacks of what it had is given up too.
  await writeFacts(disk, factsOf(path), facts, 0)
  if (etcdAside !== undefined) await disk.rename(`${path}/etcd`, etcdAside)
  await EtcdMember.forget(path, disk)
  await disk.syncFolder(path)
}

const factsOf = (path: string): string => `${path}/cluster.json`
