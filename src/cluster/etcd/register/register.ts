import { assert, Backoff, type Logger, present } from '../../../lib/index.ts'
import type { Random } from '../../../platform/index.ts'
import type { ClusterState } from '../../protocol/state/cluster-state.ts'
import type { EtcdClient } from '../client/etcd-client.ts'
import { watch } from '../client/watch.ts'
import { CheckedKey, isPassing, type Seen, type SwapOutcome } from './checked-key.ts'
import { DamagedValueError, decodeChecked, encodeChecked } from './checked-value.ts'
import {
  type AliveLeader,
  type MemberRecord,
  type NodeRecord,
  parseAliveLeader,
  parseClusterState,
  parseMemberRecord,
  parseNodeRecord,
  parseStoreToken,
  type StoreToken,
} from './values.ts'

export interface RegisterOptions {
  readonly client: EtcdClient
  /** part of every key; a word of letters, digits and `-` */
  readonly channel: string
  readonly random: Random
  readonly log: Logger
}

/**
 * What a channel keeps in etcd, below `/kingbus/CHANNEL/`:
 *
 *     state          who leads, in which epoch, and which nodes count
 *     alive/leader   the leader's sign of life, which goes away with its lease
 *     stores/ID      the token of each store's last start
 *     nodes/NAME     what each node says of itself, gone with its lease
 *     members/NAME   the nodes that the operator wants
 *
 * and what the operator wants, which is ../../desired/'s.
 */
export class Register {
  readonly state: CheckedKey<ClusterState>
  readonly aliveLeader: CheckedKey<AliveLeader>
  readonly #options: RegisterOptions
  readonly #prefix: string

  constructor(options: RegisterOptions) {
    assert(/^[a-z0-9-]+$/i.test(options.channel), 'a channel is a word')
    this.#options = options
    this.#prefix = `/kingbus/${options.channel}/`
    this.state = this.key('state', parseClusterState)
    this.aliveLeader = this.key('alive/leader', parseAliveLeader)
  }

  /** The first state of a cluster with its members; refused when there is one. */
  async bootstrap(
    state: ClusterState,
    members: ReadonlyMap<string, MemberRecord>,
  ): Promise<SwapOutcome<ClusterState>> {
    const more = [...members].map(([name, member]) => ({
      put: `${this.#members}${name}`,
      value: encodeChecked(member),
    }))
    return await this.state.swap(undefined, state, { more })
  }

  /** The next state after the one seen, in the same epoch. */
  async change(seen: Seen<ClusterState>, next: ClusterState): Promise<SwapOutcome<ClusterState>> {
    assert(
      next.version === seen.content.version + 1,
      'every write of the state adds 1 to its version',
    )
    assert(next.epoch === seen.content.epoch, 'a new epoch is begun by a take-over')
    return await this.state.swap(seen, next)
  }

  /** The next state with a new epoch and its leader, and in the same transaction its sign of life. */
  async takeOver(
    seen: Seen<ClusterState>,
    next: ClusterState,
    lease: string,
  ): Promise<SwapOutcome<ClusterState>> {
    assert(
      next.version === seen.content.version + 1,
      'every write of the state adds 1 to its version',
    )
    assert(next.epoch === seen.content.epoch + 1, 'a take-over adds 1 to the epoch')
    const { node, incarnation } = present(next.leader, 'who takes over')
    const value = encodeChecked({ node, incarnation } satisfies AliveLeader)
    return await this.state.swap(seen, next, {
      more: [{ put: this.aliveLeader.key, value, lease }],
    })
  }

  /**
   * Shows that the leader lives by another lease, if the state still is of this revision. False when the answer was
   * lost: do it again.
   */
  async showLife(
    revision: number,
    { node, incarnation }: AliveLeader,
    lease: string,
  ): Promise<boolean> {
    const value = encodeChecked({ node, incarnation } satisfies AliveLeader)
    const written = await this.#options.client.transact({
      compare: [{ key: this.state.key, modRevision: BigInt(revision) }],
      success: [{ put: this.aliveLeader.key, value, lease }],
    })
    return written.kind === 'answered'
  }

  /** Takes the leader's sign of life away, if it is this one's. False when the answer was lost. */
  async withdraw({ node, incarnation }: AliveLeader): Promise<boolean> {
    const value = encodeChecked({ node, incarnation } satisfies AliveLeader)
    const { key } = this.aliveLeader
    const written = await this.#options.client.transact({
      compare: [{ key, value }],
      success: [{ remove: key }],
    })
    return written.kind === 'answered'
  }

  /** The token of one store. */
  store(id: string): CheckedKey<StoreToken> {
    return this.key(`stores/${id}`, parseStoreToken)
  }

  /**
   * Says what a node is, as long as its lease is held. False when the answer was lost: say it again,
   * only the newest counts.
   */
  async announce(name: string, record: NodeRecord, lease: string): Promise<boolean> {
    const put = { put: `${this.#nodes}${name}`, value: encodeChecked(record), lease }
    const written = await this.#options.client.transact({ compare: [], success: [put] })
    return written.kind === 'answered'
  }

  /** All nodes that live, by name: now, and again after every change, until the signal fires. */
  followNodes(signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, NodeRecord>> {
    return this.#followAll(this.#nodes, parseNodeRecord, signal)
  }

  /** All members that the operator wants, by name: now, and again after every change, until the signal fires. */
  followMembers(signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, MemberRecord>> {
    return this.#followAll(this.#members, parseMemberRecord, signal)
  }

  /** One of them; swapped to be added or changed. */
  member(name: string): CheckedKey<MemberRecord> {
    return this.key(`members/${name}`, parseMemberRecord)
  }

  /** False when the answer was lost: do it again. */
  async removeMember(name: string): Promise<boolean> {
    const success = [{ remove: `${this.#members}${name}` }]
    const written = await this.#options.client.transact({ compare: [], success })
    return written.kind === 'answered'
  }

  get #nodes(): string {
    return `${this.#prefix}nodes/`
  }

  get #members(): string {
    return `${this.#prefix}members/`
  }

  async *#followAll<T>(
    prefix: string,
    parse: (content: unknown) => T,
    signal: AbortSignal,
  ): AsyncGenerator<ReadonlyMap<string, T>> {
    const { client, random, log } = this.#options
    const range = { prefix }
    const backoff = new Backoff({ firstMs: 50, mostMs: 2000 }, () => random.fraction())
    while (!signal.aborted) {
      try {
        const { entries, revision } = await client.read(range)
        backoff.reset()
        yield this.#parseAll(prefix, entries, parse)
        const options = { range, from: revision + 1n, random, log }
        for await (const _ of watch(client, options, signal)) break
      } catch (thrown) {
        if (!isPassing(thrown)) throw thrown
        await client.clock.sleep(backoff.nextMs(), signal)
      }
    }
  }

  /** A key of the channel, below its prefix. */
  key<T>(name: string, parse: (content: unknown) => T): CheckedKey<T> {
    const { client, random, log } = this.#options
    return new CheckedKey({ client, key: `${this.#prefix}${name}`, parse, random, log })
  }

  #parseAll<T>(
    prefix: string,
    entries: readonly { key: string; value: Buffer }[],
    parse: (content: unknown) => T,
  ): ReadonlyMap<string, T> {
    const all = new Map<string, T>()
    for (const { key, value } of entries) {
      try {
        all.set(key.slice(prefix.length), decodeChecked(value, parse))
      } catch (thrown) {
        if (!(thrown instanceof DamagedValueError)) throw thrown
        this.#options.log.error({ key, damage: thrown.message }, 'a value in etcd is damaged')
      }
    }
    return all
  }
}
