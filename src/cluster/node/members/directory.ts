import { OperationalError, Watch, type Watched } from '../../../lib/index.ts'
import type { Clock } from '../../../platform/index.ts'
import type { AliveLeader, MemberRecord, NodeRecord, Register } from '../../etcd/index.ts'
import { callPeer, type LinkOptions } from '../../link/index.ts'
import type { ClusterSettings } from '../settings.ts'

export interface DirectoryOptions {
  readonly settings: ClusterSettings
  readonly register: Register
  readonly link: LinkOptions
  readonly clock: Clock
}

/** Who the nodes are and where, as etcd shows them; and a way to ask one of them. */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #nodes = new Watch<ReadonlyMap<string, NodeRecord>>(new Map())
  readonly #members = new Watch<ReadonlyMap<string, MemberRecord> | undefined>(undefined)
  readonly #alive = new Watch<AliveLeader | undefined>(undefined)

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  /** all nodes that live, by name */
  get nodes(): Watched<ReadonlyMap<string, NodeRecord>> {
    return this.#nodes
  }

  /** those that the operator wants; undefined until it was read */
  get members(): Watched<ReadonlyMap<string, MemberRecord> | undefined> {
    return this.#members
  }

  /** the leader's sign of life */
  get alive(): Watched<AliveLeader | undefined> {
    return this.#alive
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#followNodes(signal),
      this.#followMembers(signal),
      this.#followAlive(signal),
    ])
  }

  /** As the node itself says, as the operator said, as the settings said at first. */
  urlOf(node: string): URL | undefined {
    const told = this.#nodes.value.get(node)?.peerUrl ?? this.#members.value?.get(node)?.peerUrl
    if (told !== undefined) return new URL(told)
    return this.#options.settings.initialCluster.find(({ name }) => name === node)?.peerUrl
  }

  /** @throws OperationalError E_PEER_*, and what that node answers */
  async call(node: string, method: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const url = this.urlOf(node)
    if (url === undefined) {
      throw new OperationalError('E_PEER_UNREACHABLE', `nobody knows where ${node} is`)
    }
    const late = new AbortController()
    const cancel = this.#options.clock.after(timeoutMs, () => late.abort())
    try {
      return await callPeer(url, this.#options.link, { method, body }, late.signal)
    } finally {
      cancel()
    }
  }

  async #followNodes(signal: AbortSignal): Promise<void> {
    for await (const nodes of this.#options.register.followNodes(signal)) this.#nodes.set(nodes)
  }

  async #followMembers(signal: AbortSignal): Promise<void> {
    const { register } = this.#options
    for await (const members of register.followMembers(signal)) this.#members.set(members)
  }

  async #followAlive(signal: AbortSignal): Promise<void> {
    const { aliveLeader } = this.#options.register
    for await (const seen of aliveLeader.follow(signal)) this.#alive.set(seen?.content)
  }
}
