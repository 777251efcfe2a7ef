/*
  The one value in etcd on which safety rests: who leads, in which epoch, and which nodes count. It is
  changed only by compare-and-swap, so that its history is one line.
*/

/** A voter or follower: a node with the store it has now. The same node with another store is another member. */
export interface Member {
  readonly node: string
  readonly store: string
}

export interface LeaderName extends Member {
  /** one more at every start of that process */
  readonly incarnation: number
}

export interface ClusterState {
  readonly cluster: string
  /** one more with every write */
  readonly version: number
  readonly epoch: number
  /** undefined before the first take-over */
  readonly leader: LeaderName | undefined
  /** the nodes that count */
  readonly voters: readonly Member[]
  /** those of them that hold everything committed; always a majority of the voters */
  readonly inSync: readonly Member[]
}

/** How new a state is, in the order of its history. */
export interface StateVersion {
  readonly epoch: number
  readonly version: number
}

export const keyOf = ({ node, store }: Member): string => `${node}/${store}`

export function isMember(member: Member, members: readonly Member[]): boolean {
  return members.some((other) => other.node === member.node && other.store === member.store)
}

export function without(members: readonly Member[], gone: Member): readonly Member[] {
  return members.filter((other) => keyOf(other) !== keyOf(gone))
}

export function isSameLeader(one: LeaderName | undefined, other: LeaderName): boolean {
  return one !== undefined && keyOf(one) === keyOf(other) && one.incarnation === other.incarnation
}

export function isOlder(one: StateVersion, other: StateVersion): boolean {
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.version < other.version)
}

/** Whether so many of the voters are more than half of them. */
export function isMajority(count: number, voters: readonly Member[]): boolean {
  return 2 * count > voters.length
}
