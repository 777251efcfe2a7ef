/*
  What a node of a cluster changes on its disk beside what every node does, and at which moments it may die. A run fails
  when a process makes a change that no point is about, or comes to none of its kind.
*/
import { describePoint, KILL_POINTS, type KillPoint, pointsAt } from '../points.ts'
import type { Scene } from './scenes.ts'

export interface ClusterKillPoint extends KillPoint {
  readonly scene: Scene
}

const WHOLE = ['before', 'after'] as const
const EACH = ['before', 'half', 'after'] as const

function inScene(scene: Scene, points: readonly KillPoint[]): ClusterKillPoint[] {
  return points.map((point) => ({ ...point, scene }))
}

const often = { sparedMost: 25 }
const seldom = { sparedMost: 1 }

export const CLUSTER_KILL_POINTS: readonly ClusterKillPoint[] = [
  ...inScene('in sync', [
    ...pointsAt('write binlog: bytes', EACH, often),
    ...pointsAt('write index: bytes', EACH, often),
    ...pointsAt('sync binlog: bytes', EACH, often),
    ...pointsAt('sync index: bytes', EACH, often),
    ...pointsAt('replace cluster.json', EACH, seldom),
    // of a file that ends, and the one that begins
    ...pointsAt('write index: set', EACH),
    ...pointsAt('write index: closed', EACH),
    ...pointsAt('truncate index', WHOLE),
    ...pointsAt('sync index: truncated', EACH),
    ...pointsAt('create index', WHOLE),
    ...pointsAt('write index: head', EACH),
    ...pointsAt('sync index: head', EACH),
    ...pointsAt('create binlog', WHOLE),
    ...pointsAt('sync folder binlogs', EACH),
    // of a cut
    ...pointsAt('write index: cut', EACH),
    ...pointsAt('sync index: cut', EACH),
    ...pointsAt('truncate binlog', WHOLE),
    ...pointsAt('sync binlog: truncated', EACH),
    ...pointsAt('write index: cut-done', EACH),
    ...pointsAt('sync index: cut-done', EACH),
    // of a purge
    ...pointsAt('write index: purge', EACH),
    ...pointsAt('sync index: purge', EACH),
    ...pointsAt('replace log.json', EACH),
    ...pointsAt('remove binlog', WHOLE),
    ...pointsAt('remove index', WHOLE),
  ]),
  ...inScene('with records of its own', [
    ...pointsAt('write index: epoch-start', EACH),
    ...pointsAt('sync index: epoch-start', EACH),
    ...pointsAt('make folder lost+found', WHOLE),
    ...pointsAt('create binlog in lost+found', WHOLE),
    ...pointsAt('truncate index', WHOLE, { sparedMost: 1 }),
    ...pointsAt('sync index: truncated', EACH, { sparedMost: 1 }),
    ...pointsAt('truncate binlog', WHOLE),
    ...pointsAt('sync binlog: truncated', EACH),
  ]),
]

/** Changes beside the log: of what a node's etcd is started with, made anew each time, and of its identity. */
const WITHOUT_POINT: readonly string[] = [
  'make folder etcd-member',
  'replace authority.pem',
  'replace server.pem',
  'replace server-key.pem',
  'replace client.pem',
  'replace client-key.pem',
  'replace config.json',
  'replace cluster-store.json',
]

/** All changes that are known, those too that a node makes whether it is part of a cluster or not. */
export const KNOWN_CHANGES: readonly string[] = [
  ...[...CLUSTER_KILL_POINTS, ...Object.values(KILL_POINTS).flat()].map(
    ({ operation }) => operation,
  ),
  ...WITHOUT_POINT,
]

export function describeClusterPoint(point: ClusterKillPoint): string {
  return `${point.scene}: ${describePoint(point)}`
}
