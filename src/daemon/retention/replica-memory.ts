/*
  replicas.json, in the data directory of a node that is alone: the replicas that were seen, so that what those need
  that are away is kept after a restart too. (In a cluster etcd has the same: cluster/etcd-replica-memory.ts.)

      { "check": ..., "formatVersion": 1, "replicas": [{ "uuid": ..., "needs": "binlog.000007", ... }] }
*/
import { z } from 'zod'
import {
  decodeCheckedJson,
  encodeCheckedJson,
  messageOf,
  OperationalError,
  replaceRefused,
  systemCodeOf,
} from '../../lib/index.ts'
import type { Disk } from '../../platform/index.ts'
import type { KnownReplica } from './known-replicas.ts'
import { seenReplicaSchema } from './node-needs.ts'

const FORMAT_VERSION = 1

export const keptReplicasSchema: z.ZodType<readonly KnownReplica[]> = z.array(
  seenReplicaSchema.extend({
    node: z.string(),
    isConnected: z.boolean(),
    awayMs: z.number().nonnegative(),
    leaving: z.string().nullable(),
    isGivenUp: z.boolean(),
  }),
)

const fileSchema = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  replicas: keptReplicasSchema,
})

/** Where the replicas that were seen are kept. */
export interface ReplicaMemory {
  /** @throws OperationalError when it cannot be known what was kept */
  read(): Promise<readonly KnownReplica[]>
  /** @throws OperationalError when it is not, or nobody knows whether it is */
  write(replicas: readonly KnownReplica[]): Promise<void>
}

export class FileReplicaMemory implements ReplicaMemory {
  readonly #disk: Disk
  readonly #path: string

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  async read(): Promise<readonly KnownReplica[]> {
    if (!(await this.#disk.exists(this.#path))) return []
    const text = (await this.#disk.readFile(this.#path)).toString('utf8')
    try {
      return fileSchema.parse(decodeCheckedJson(text)).replicas
    } catch (cause) {
      const message =
        `${this.#path} does not say which replicas were seen (${whyOf(cause)}); retention removes ` +
        'nothing until it is removed, after which nothing is kept for replicas that are away'
      throw new OperationalError('E_DATA_DIR_INVALID', message, { path: this.#path }, { cause })
    }
  }

  async write(replicas: readonly KnownReplica[]): Promise<void> {
    const bytes = encodeCheckedJson({ formatVersion: FORMAT_VERSION, replicas })
    try {
      await this.#disk.replaceFile(this.#path, bytes)
    } catch (cause) {
      throw replaceRefused(this.#path, cause, `${systemCodeOf(cause)}`)
    }
  }
}

/** What zod says is a page long. */
function whyOf(thrown: unknown): string {
  return thrown instanceof z.ZodError ? 'its fields are not what they should be' : messageOf(thrown)
}
