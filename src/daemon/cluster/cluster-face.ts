import { createHash } from 'node:crypto'
import type { ClusterFace, ClusterStatus, MemberStatus, NewMember } from '../../admin/index.ts'
import type { ClusterNode, ReportedNode } from '../../cluster/index.ts'

const ID_DIGITS = 16

/** The cluster as the HTTP API shows and changes it, by way of this node. */
export class ClusterCommands implements ClusterFace {
  readonly #node: ClusterNode
  readonly #name: string

  /** @param name of this node */
  constructor(node: ClusterNode, name: string) {
    this.#node = node
    this.#name = name
  }

  async status(): Promise<ClusterStatus> {
    const { leader, epoch, committed, nodes } = await this.#management.status()
    const { sequence, position } = committed
    return {
      name: this.#name,
      leader: leader ?? null,
      epoch,
      committed: position === null ? null : { sequence, ...position },
      nodes: nodes.map(({ name, role, report }) => ({
        name,
        role,
        epoch: report?.epoch ?? null,
        end: report?.end ?? null,
        visibleEnd: report?.visible ?? null,
        address: report?.address ?? null,
        alarms: report?.alarms ?? [],
      })),
    }
  }

  async members(): Promise<MemberStatus[]> {
    const { nodes } = await this.#management.status()
    return nodes.map(memberOf)
  }

  async add({ name, peerUrl, observer }: NewMember): Promise<void> {
    await this.#management.add({ name, peerUrl: new URL(peerUrl), isObserver: observer })
  }

  async changeUrl(name: string, peerUrl: string): Promise<void> {
    await this.#management.changeUrl(name, new URL(peerUrl))
  }

  async remove(name: string): Promise<void> {
    await this.#management.remove(name)
  }

  async lead(name: string): Promise<void> {
    await this.#management.lead(name)
  }

  get #management() {
    return this.#node.management
  }
}

function memberOf({ name, role, peerUrl, isObserver, report }: ReportedNode): MemberStatus {
  return {
    id: createHash('sha256').update(name).digest('hex').slice(0, ID_DIGITS),
    name,
    peerUrl,
    adminUrl: report?.adminUrl ?? null,
    isLeader: role === 'leader',
    role: isObserver ? 'observer' : 'voter',
  }
}
