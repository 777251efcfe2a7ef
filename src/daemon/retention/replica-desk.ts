import { z } from 'zod'
import { type AbsentReplica, absentReplicaSchema } from '../../admin/index.ts'
import { OperationalError } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'
import type { ClusterPeers } from './cluster-peers.ts'
import type { KnownReplica, KnownReplicas } from './known-replicas.ts'
import type { ReplicaKeeper } from './replica-keeper.ts'

const LIST = 'absent-replicas'
const FORGET = 'forget-replica'
const ASK_MS = 5000

export interface ReplicaDeskParts {
  /** undefined on a node that is alone */
  readonly node: ClusterPeers | undefined
  readonly keeper: Pick<ReplicaKeeper, 'known' | 'changed'>
  /** `retention.keep-for-absent-replicas` */
  readonly keepMs: () => number
  readonly clock: Clock
}

/** The replicas that are away, for people who ask at any node: the one that leads knows them. */
export class ReplicaDesk {
  readonly #parts: ReplicaDeskParts

  constructor(parts: ReplicaDeskParts) {
    this.#parts = parts
    const management = parts.node?.management
    management?.handle(LIST, () => Promise.resolve(this.#absentHere()))
    management?.handle(FORGET, (body) => Promise.resolve(this.#forgetHere(String(body))))
  }

  /** @throws OperationalError E_NOT_LEADER, E_PEER_* */
  async absent(): Promise<AbsentReplica[]> {
    const leader = this.#leader
    if (leader === undefined) return this.#absentHere()
    const answer = z
      .array(absentReplicaSchema)
      .safeParse(await leader.askLeader(LIST, null, ASK_MS))
    if (answer.success) return answer.data
    throw new OperationalError(
      'E_PEER_VERSION',
      'the node that leads speaks otherwise of its replicas',
    )
  }

  /** @param name uuid, or host where no other has it. @throws OperationalError E_REPLICA_UNKNOWN, as `absent` */
  async forget(name: string): Promise<void> {
    const leader = this.#leader
    if (leader === undefined) this.#forgetHere(name)
    else await leader.askLeader(FORGET, name, ASK_MS)
  }

  /** by which the node that leads is asked; undefined where that is this one */
  get #leader() {
    const { node } = this.#parts
    return node === undefined || node.leader === node.name ? undefined : node
  }

  #absentHere(): AbsentReplica[] {
    return this.#known()
      .absent()
      .map((replica) => this.#shown(replica))
  }

  #shown(replica: KnownReplica): AbsentReplica {
    const { clock, keepMs } = this.#parts
    const { uuid, serverId, user, host, node, file, position, needs, awayMs, isGivenUp } = replica
    const untilMs = clock.nowMs() + Math.max(0, keepMs() - awayMs)
    return {
      uuid,
      serverId,
      user,
      host,
      node,
      file,
      position,
      needs,
      awaySeconds: Math.round(awayMs / 1000),
      keptUntil: isGivenUp ? null : new Date(untilMs).toISOString(),
      givenUp: isGivenUp,
    }
  }

  #forgetHere(name: string): null {
    const known = this.#known()
    const absent = known.absent()
    const byUuid = absent.filter(({ uuid }) => uuid === name.toLowerCase())
    const found = byUuid.length > 0 ? byUuid : absent.filter(({ host }) => host === name)
    const [one] = found
    if (one === undefined || found.length > 1) {
      const message =
        one === undefined
          ? `no replica ${name} is away`
          : `${found.length} replicas that are away come from ${name}: name one by its uuid`
      throw new OperationalError('E_REPLICA_UNKNOWN', message, { name })
    }
    known.forget(one.uuid)
    this.#parts.keeper.changed()
    return null
  }

  #known(): KnownReplicas {
    const { known } = this.#parts.keeper
    if (known !== undefined) return known
    const message = 'this node does not know yet which replicas were seen'
    throw new OperationalError('E_NOT_LEADER', message)
  }
}
