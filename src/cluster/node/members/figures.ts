import type { MemberRecord } from '../../etcd/index.ts'
import { isMember } from '../../protocol/state/cluster-state.ts'
import type { Driver } from '../driver.ts'
import type { ReportedNode } from './node-report.ts'

/** What a node can count of the cluster without asking anybody. */
export interface ClusterFigures {
  readonly epoch: number
  readonly committed: number
  /** the last record that is durable on this node */
  readonly end: number
  /** what the leader alone knows; undefined on the others */
  readonly led: LedFigures | undefined
}

export interface LedFigures {
  readonly roles: ReadonlyMap<ReportedNode['role'], number>
  /** by name: records that a node that follows has not reported yet */
  readonly lags: ReadonlyMap<string, number>
}

export function figuresOf(
  { node }: Driver,
  members: ReadonlyMap<string, MemberRecord> | undefined,
): ClusterFigures {
  const { register, facts, log, self } = node.context
  const { leader } = node
  const epoch = register.state?.epoch ?? 0
  const committed = facts.now.known
  const own = { epoch, committed, end: log.durable }
  if (leader === undefined) return { ...own, led: undefined }
  const peers = [...leader.peers.values()].filter(({ end }) => end !== undefined)
  const lags = peers.map(
    ({ member, end = 0 }) => [member.node, Math.max(0, log.written - end)] as const,
  )
  const roles = new Map<ReportedNode['role'], number>([['leader', 1]])
  const count = (role: ReportedNode['role']): void =>
    void roles.set(role, (roles.get(role) ?? 0) + 1)
  for (const [name, { isObserver }] of members ?? []) {
    const peer = peers.find(({ member }) => member.node === name)
    if (name === self.node) continue
    if (peer === undefined) count('away')
    else if (isObserver) count('observer')
    else count(isMember(peer.member, leader.base.inSync) ? 'in-sync' : 'catching-up')
  }
  return { ...own, led: { roles, lags: new Map(lags) } }
}
