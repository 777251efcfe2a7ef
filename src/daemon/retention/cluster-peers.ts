/** As much of a node of a cluster as is needed to agree with the others on which files go. */
export interface ClusterPeers {
  readonly name: string
  readonly leader: string | undefined
  /** @throws OperationalError E_NOT_LEADER, E_PEER_*, and what is answered */
  askLeader(method: string, body: unknown, timeoutMs: number): Promise<unknown>
  readonly management: {
    handle(method: string, answer: (body: unknown) => Promise<unknown>): void
    ask(node: string, method: string, body: unknown): Promise<unknown>
    /** the other members; undefined while etcd has not told them */
    readonly others: readonly { readonly name: string; readonly isAlive: boolean }[] | undefined
  }
}
