import type { SourceStatus } from '../../admin/index.ts'
import { formatAddress } from '../../config/index.ts'
import type { SourceLink } from '../../source/index.ts'
import type { Engine } from '../engine.ts'
import type { NodeOptions } from '../node-options.ts'
import type { ReplicaWait } from './replica-wait.ts'
import type { SourceFailover } from './source-failover.ts'
import type { SourceParts, SourceRunner } from './source-runner.ts'

export type SourceStatusParts = Pick<Engine, 'desired' | 'cluster'> &
  Pick<NodeOptions, 'config'> & {
    readonly source: SourceRunner
    readonly replicaWait: ReplicaWait
    readonly failover: Pick<SourceFailover, 'view'>
  }

/** The source as this node sees it. Who follows another node knows little of it. */
export function ownSourceStatus(parts: SourceStatusParts): SourceStatus {
  const { source: runner, cluster, config } = parts
  const { current } = runner
  const leader = cluster === undefined ? config.name : (cluster.node.leader ?? null)
  const known = { ...UNKNOWN, leader, failover: failoverOf(parts) }
  if (current === undefined) return { ...known, state: 'unconfigured' }
  const wished = { ...known, ...wishedOf(parts, current) }
  const { phase } = current.link.state.value
  // What the link last saw here is old.
  if (!runner.isHere && phase === 'stopped') return { ...wished, state: stateElsewhere(parts) }
  return { ...wished, ...seenOf(current), semiSync: semiSyncStatus(current.link, parts) }
}

/** Of a node that has no link, for whatever reason. */
function stateElsewhere({ desired, cluster, config }: SourceStatusParts): SourceStatus['state'] {
  if (!desired.value.value.isSourceRunning) return 'stopped'
  // It leads, and is about to connect.
  return cluster?.node.leader === config.name ? 'connecting' : 'follower'
}

function wishedOf({ desired }: SourceStatusParts, { settings, link }: SourceParts) {
  const { source } = desired.value.value
  return {
    since: iso(link.state.value.sinceMs),
    address: link.state.value.address,
    user: settings.address.user,
    tls: settings.address.tls.mode,
    caFile: source?.caFile ?? null,
    startAt: source?.startAt ?? null,
    replicaServerId: settings.self.serverId,
    replicaUuid: settings.self.uuid,
    semiSync: { ...UNKNOWN.semiSync, wanted: settings.semiSync },
  }
}

function seenOf({ link, ingest }: SourceParts) {
  const { phase, serverUuid, serverVersion, serverVariables } = link.state.value
  const { attempts, code, reason } = link.state.value
  return {
    state: phase,
    serverUuid: serverUuid ?? null,
    serverVersion: serverVersion ?? null,
    variables: serverVariables ?? null,
    file: link.progress.place?.file ?? null,
    position: link.progress.place?.position ?? null,
    lagSeconds: link.lagSeconds() ?? null,
    safeToPurgeTo: ingest.safeToPurgeTo ?? null,
    attempts,
    error: code === undefined ? null : { code, message: reason ?? '' },
  }
}

function failoverOf({ failover: { view } }: SourceStatusParts): SourceStatus['failover'] {
  if (view === undefined) return null
  const { candidates, afterMs, count, error } = view
  return {
    candidates: candidates.map(formatAddress),
    afterSeconds: afterMs / 1000,
    count,
    error: error === undefined ? null : { code: error.code, message: error.message },
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()

const UNKNOWN: Omit<SourceStatus, 'state' | 'leader'> = {
  since: null,
  address: null,
  user: null,
  tls: null,
  caFile: null,
  startAt: null,
  replicaServerId: null,
  replicaUuid: null,
  serverUuid: null,
  serverVersion: null,
  variables: null,
  file: null,
  position: null,
  lagSeconds: null,
  safeToPurgeTo: null,
  semiSync: { wanted: false, active: false, reason: null, acknowledged: null, replicas: null },
  attempts: 0,
  error: null,
  failover: null,
}

function semiSyncStatus(
  { semiSync, state }: SourceLink,
  { replicaWait }: SourceStatusParts,
): SourceStatus['semiSync'] {
  const { phase } = state.value
  const { wanted, active, reason, acknowledged } = semiSync
  return {
    wanted,
    active: active && (phase === 'streaming' || phase === 'paused'),
    reason: reason ?? null,
    acknowledged: acknowledged ?? null,
    replicas: replicaWait.status(),
  }
}
