import { isAddress } from '../../../platform/index.ts'

/** What tells one member from another; the same times on all members. */
export interface MemberSettings {
  readonly name: string
  /** where other members find this one: `https://host:port` */
  readonly peerUrl: string
  /** where nodes find this one */
  readonly clientUrl: string
  /** all first members, `name=url,name=url`; read by etcd when it has no data yet */
  readonly initialCluster: string
  readonly initialClusterState: 'new' | 'existing'
  /** never the same for two clusters */
  readonly clusterToken: string
  readonly heartbeatMs: number
  readonly electionMs: number
}

/** Where a member's files are. */
export interface MemberPaths {
  readonly dataFolder: string
  readonly authority: string
  readonly serverCertificate: string
  readonly serverKey: string
  readonly clientCertificate: string
  readonly clientKey: string
}

const QUOTA_BYTES = 2 * 1024 ** 3
/** Old revisions beyond so many are dropped; our keys are few, and nobody reads the past. */
const REVISIONS_KEPT = 1000

/** etcd's configuration file, which makes it ignore flags. What is not named has etcd's default. */
export function configurationOf(
  settings: MemberSettings,
  files: MemberPaths,
): Readonly<Record<string, unknown>> {
  const trust = { 'client-cert-auth': true, 'trusted-ca-file': files.authority }
  const server = { 'cert-file': files.serverCertificate, 'key-file': files.serverKey }
  // As a client etcd shows a certificate without hosts, since the others compare those with the
  // address that it calls from, and that may be any behind a network of containers.
  const client = {
    'client-cert-file': files.clientCertificate,
    'client-key-file': files.clientKey,
  }
  return {
    name: settings.name,
    'data-dir': files.dataFolder,
    'listen-peer-urls': listenUrl(settings.peerUrl),
    'initial-advertise-peer-urls': settings.peerUrl,
    'listen-client-urls': listenUrl(settings.clientUrl),
    'advertise-client-urls': settings.clientUrl,
    'initial-cluster': settings.initialCluster,
    'initial-cluster-state': settings.initialClusterState,
    'initial-cluster-token': settings.clusterToken,
    'heartbeat-interval': settings.heartbeatMs,
    'election-timeout': settings.electionMs,
    'auto-compaction-mode': 'revision',
    'auto-compaction-retention': REVISIONS_KEPT.toString(),
    'quota-backend-bytes': QUOTA_BYTES,
    'experimental-initial-corrupt-check': true,
    'strict-reconfig-check': true,
    'pre-vote': true,
    'log-outputs': ['stderr'],
    'log-level': 'info',
    logger: 'zap',
    'peer-transport-security': { ...server, ...client, ...trust },
    'client-transport-security': { ...server, ...trust },
  }
}

/** etcd listens on addresses only; whoever is named by a name is listened for on all of them. */
function listenUrl(url: string): string {
  const { hostname, port } = new URL(url)
  const address = hostname.replace(/^\[|\]$/g, '')
  return `https://${isAddress(address) ? hostname : '0.0.0.0'}:${port}`
}

/**
 * What a running etcd says that it does otherwise than it was told, in words; nothing when all is
 * right. etcd passes over keys that it does not know (a version that renamed one) without a word, so
 * what counts is what it says at its start.
 */
export function deviations(
  settings: MemberSettings,
  files: MemberPaths,
  said: Readonly<Record<string, unknown>>,
): string[] {
  const { heartbeatMs, electionMs } = settings
  const expected: Readonly<Record<string, unknown>> = {
    name: settings.name,
    'data-dir': files.dataFolder,
    'force-new-cluster': false,
    'pre-vote': true,
    'initial-corrupt-check': true,
    'auto-compaction-mode': 'revision',
    // The number of revisions kept; etcd prints it as if it were nanoseconds.
    'auto-compaction-retention': `${REVISIONS_KEPT / 1000}µs`,
    'quota-backend-bytes': QUOTA_BYTES,
    'heartbeat-interval': heartbeatMs,
    // etcd counts it in whole heartbeats.
    'election-timeout': Math.floor(electionMs / heartbeatMs) * heartbeatMs,
  }
  return Object.entries(expected).flatMap(([key, value]) => {
    const has = typeof value === 'number' ? numberOf(said[key]) : said[key]
    return has === value ? [] : [`${key} is ${String(said[key])} instead of ${String(value)}`]
  })
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/** A number as it is, and a duration of Go (`1m0.5s`) in milliseconds. */
function numberOf(said: unknown): unknown {
  if (typeof said !== 'string') return said
  const parts = [...said.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0)
}
