import { z } from 'zod'
import type { ClusterNode } from '../../cluster/index.ts'
import { OperationalError } from '../../lib/index.ts'
import type { KnownReplica } from '../retention/known-replicas.ts'
import { keptReplicasSchema, type ReplicaMemory } from '../retention/replica-memory.ts'

const contentSchema = z.object({ replicas: keptReplicasSchema })
/** etcd takes 1.5 MiB at a time, and keeps the last thousand versions. */
const BYTES_MOST = 512 * 1024

type Key = ReturnType<ClusterNode['register']['key']>

/** Kept in etcd by the node that leads, under `replicas`, so that the next one knows what is needed. */
export class EtcdReplicaMemory implements ReplicaMemory {
  readonly #key
  #seen: Awaited<ReturnType<Key['read']>>

  constructor(register: Pick<ClusterNode['register'], 'key'>) {
    this.#key = register.key<unknown>('replicas', (content) => contentSchema.parse(content))
  }

  async read(): Promise<readonly KnownReplica[]> {
    this.#seen = await this.#key.read()
    return this.#seen === undefined ? [] : contentSchema.parse(this.#seen.content).replicas
  }

  async write(replicas: readonly KnownReplica[]): Promise<void> {
    const content = { replicas }
    const size = JSON.stringify(content).length
    if (size > BYTES_MOST) {
      const message = `${replicas.length} replicas take ${size} bytes, and etcd is given ${BYTES_MOST}`
      throw new OperationalError('E_ETCD_REFUSED', message)
    }
    const outcome = await this.#key.swap(this.#seen, content)
    if (outcome.kind === 'applied') {
      this.#seen = outcome.seen
      return
    }
    // Only who leads writes: what is there now is of an earlier leader, or our own whose answer was lost.
    this.#seen = outcome.kind === 'refused' ? outcome.current : await this.#key.read()
    throw new OperationalError('E_CHANGE_UNSETTLED', 'etcd has other replicas than were last read')
  }
}
