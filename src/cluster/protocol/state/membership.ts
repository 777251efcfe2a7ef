/*
  Which value of the register comes next: rules 8, 9, 12 and 13 as functions of what the leader knows. Each
  answer differs from the state before by one node.
*/
import {
  type ClusterState,
  isMajority,
  isMember,
  keyOf,
  type Member,
  without,
} from './cluster-state.ts'

export interface Standing {
  readonly state: ClusterState
  readonly self: Member
  /** rule 8 holds for it: it has everything that counts, as reported in this epoch */
  readonly isReady: (member: Member) => boolean
  /** its stream is open */
  readonly isPresent: (member: Member) => boolean
  /** its link is gone, or it has not kept up for a while */
  readonly isSilent: (member: Member) => boolean
}

type Sets = Pick<ClusterState, 'voters' | 'inSync'>

export function withSets(state: ClusterState, { voters, inSync }: Sets): ClusterState {
  return { ...state, version: state.version + 1, voters, inSync }
}

/** Rule 8: a voter that is ready becomes in-sync. */
export function grown({ state, isReady, isSilent }: Standing): ClusterState | undefined {
  const { voters, inSync } = state
  const member = voters.find(
    (voter) => !isMember(voter, inSync) && isReady(voter) && !isSilent(voter),
  )
  return member && withSets(state, { voters, inSync: [...inSync, member] })
}

/** Rule 9: one that is silent is removed; one that is ready takes its place in the same write. */
export function shrunk(standing: Standing): ClusterState | undefined {
  const { state, self, isSilent } = standing
  const { voters, inSync } = state
  const silent = inSync.find((member) => keyOf(member) !== keyOf(self) && isSilent(member))
  if (silent === undefined) return undefined
  const rest = without(inSync, silent)
  const next = grown({ ...standing, state: { ...state, inSync: rest } })?.inSync ?? rest
  if (!isMajority(next.length, voters)) return undefined
  return withSets(state, { voters, inSync: next })
}

/**
 * Rules 12 and 13: a node that is ready becomes voter and in-sync in one write. When the same node is a
 * voter with another store, that one goes in the same write.
 */
export function added(standing: Standing, member: Member): ClusterState | undefined {
  const { state, self, isReady } = standing
  if (isMember(member, state.voters) || !isReady(member) || member.node === self.node) {
    return undefined
  }
  const old = state.voters.find(({ node }) => node === member.node)
  const voters = old === undefined ? state.voters : without(state.voters, old)
  const inSync = old === undefined ? state.inSync : without(state.inSync, old)
  return withSets(state, { voters: [...voters, member], inSync: [...inSync, member] })
}

/** Rule 12: only if a majority of those who remain is in-sync and present; the leader never removes itself. */
export function removed(standing: Standing, member: Member): ClusterState | undefined {
  const { state, self, isPresent } = standing
  if (!isMember(member, state.voters) || keyOf(member) === keyOf(self)) return undefined
  const voters = without(state.voters, member)
  const inSync = without(state.inSync, member)
  const present = inSync.filter((other) => keyOf(other) === keyOf(self) || isPresent(other))
  return isMajority(present.length, voters) ? withSets(state, { voters, inSync }) : undefined
}
