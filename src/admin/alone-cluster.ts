import { OperationalError } from '../lib/index.ts'
import type { ClusterFace } from './cluster-face.ts'
import type { ClusterStatus, MemberStatus } from './cluster-schemas.ts'

export interface AloneNode {
  /** 16 hexadecimal digits */
  readonly id: string
  readonly name: string
  readonly adminUrl: string | null
  /** HOST:PORT where replicas connect; null while nothing listens */
  readonly address: string | null
  /** what is committed and shown, which is the same here; undefined before the first file */
  readonly visible:
    | { readonly sequence: number; readonly file: string; readonly position: number }
    | undefined
}

/** A node that is part of no cluster, seen as one: it leads itself, and can neither grow nor shrink. */
export class AloneCluster implements ClusterFace {
  readonly #look: () => AloneNode

  constructor(look: () => AloneNode) {
    this.#look = look
  }

  async status(): Promise<ClusterStatus> {
    const { name, address, visible } = this.#look()
    const visibleEnd =
      visible === undefined ? null : { file: visible.file, position: visible.position }
    const end = visible?.sequence ?? 0
    return {
      name,
      leader: name,
      epoch: 0,
      committed: visibleEnd === null ? null : { ...visibleEnd, sequence: end },
      nodes: [{ name, role: 'leader', epoch: 0, end, visibleEnd, address, alarms: [] }],
    }
  }

  async members(): Promise<MemberStatus[]> {
    const { id, name, adminUrl } = this.#look()
    return [{ id, name, peerUrl: null, adminUrl, isLeader: true, role: 'voter' }]
  }

  async add(): Promise<void> {
    throw alone()
  }

  async changeUrl(): Promise<void> {
    throw alone()
  }

  async remove(): Promise<void> {
    throw alone()
  }

  async lead(): Promise<void> {
    throw alone()
  }
}

function alone(): OperationalError {
  return new OperationalError(
    'E_CLUSTER_NONE',
    'this node is part of no cluster, so it has no members to change: a node with cluster.peer-url has',
  )
}
