import { z } from 'zod'
import { type PurgeResult, purgeSchema } from '../../admin/index.ts'
import type { Journal } from '../../journal/index.ts'
import { type ErrorCode, type Logger, OperationalError } from '../../lib/index.ts'
import type { BinlogStore, FileInfo } from '../../store/index.ts'
import type { AllNeeds } from './all-needs.ts'
import type { ClusterPeers } from './cluster-peers.ts'
import type { KnownReplica, KnownReplicas } from './known-replicas.ts'
import { type Needs, needsOf } from './needs.ts'
import { planPurge } from './plan-purge.ts'
import type { ReplicaKeeper } from './replica-keeper.ts'

const METHOD = 'purge-files'
/** Long enough to ask every node and to commit the purge. */
const PURGE_MS = 9000

const wishSchema = z.object({
  to: z.string().optional(),
  beforeMs: z.number().optional(),
  force: z.boolean(),
  dryRun: z.boolean(),
  /** what may go goes, although something keeps the rest */
  partial: z.boolean(),
})

export type PurgeWish = z.infer<typeof wishSchema>

const CODES: Readonly<Record<PurgeResult['obstacles'][number]['kind'], ErrorCode>> = {
  'silent-node': 'E_PEER_UNREACHABLE',
  reader: 'E_FILE_IN_USE',
  'absent-replica': 'E_FILE_NEEDED',
}

export interface PurgeDeskParts {
  /** undefined on a node that is alone */
  readonly node: ClusterPeers | undefined
  readonly store: Pick<BinlogStore, 'files' | 'purgeableTo'>
  readonly journal: Pick<Journal, 'purge'>
  readonly needs: AllNeeds
  readonly keeper: Pick<ReplicaKeeper, 'known' | 'take' | 'changed'>
  readonly logger: Logger
}

/**
 * Removes files for whoever asks at this node, and for retention: in a cluster the node that leads does it, and all
 * others follow. One at a time, so that nobody decides on files that another is about to remove.
 */
export class PurgeDesk {
  /** since the start, of this node's decisions */
  readonly counters = { files: 0, bytes: 0, givenUp: 0 }
  readonly #parts: PurgeDeskParts
  #isBusy = false

  constructor(parts: PurgeDeskParts) {
    this.#parts = parts
    parts.node?.management.handle(METHOD, async (body) => await this.#purgeHere(body))
  }

  /**
   * @throws OperationalError E_FILE_UNKNOWN; E_FILE_IN_USE or E_FILE_NEEDED where somebody keeps what was asked for,
   * and nothing is removed; as Journal.purge; E_NOT_LEADER, E_PEER_*
   */
  async purge(wish: PurgeWish): Promise<PurgeResult> {
    const { node } = this.#parts
    if (node === undefined || node.leader === node.name) return await this.#purge(wish)
    const answer = purgeSchema.safeParse(await node.askLeader(METHOD, wish, PURGE_MS))
    if (answer.success) return answer.data
    throw new OperationalError(
      'E_PEER_VERSION',
      'the node that leads answers a purge in other words',
    )
  }

  /**
   * Removes what `plan` finds to go, while no dump begins on any node.
   * @param plan of the files that there are, oldest first, the name of the first one that stays; undefined when
   * nothing is to go
   * @returns what is gone; undefined: nothing
   * @throws OperationalError as `purge`
   */
  async remove(
    plan: (needs: Needs, files: readonly FileInfo[]) => string | undefined,
  ): Promise<{ upTo: string; lost: KnownReplica[] } | undefined> {
    return await this.#alone(async (needs, known) => {
      const files = await this.#parts.store.purgeableTo()
      const upTo = plan(needs, files)
      if (upTo === undefined) return { upTo: null, done: undefined }
      return { upTo, done: { upTo, lost: await this.#remove(upTo, known) } }
    })
  }

  async #purgeHere(body: unknown): Promise<PurgeResult> {
    const wish = wishSchema.safeParse(body)
    if (wish.success) return await this.#purge(wish.data)
    throw new OperationalError('E_PEER_VERSION', 'a purge that this version does not understand')
  }

  async #purge({ to, beforeMs, force, dryRun, partial }: PurgeWish): Promise<PurgeResult> {
    return await this.#alone(async (needs, known) => {
      const files = await this.#parts.store.purgeableTo()
      this.#requireBegun(to, files)
      const plan = planPurge(files, { to, beforeMs, force }, needs)
      const done = { ...plan, dryRun }
      const [obstacle] = plan.obstacles
      if (dryRun) return { upTo: null, done }
      if (obstacle !== undefined && !partial) {
        const more = plan.obstacles.length - 1
        const message = `${obstacle.message}${more === 0 ? '' : ` (and ${more} more; --dry-run names them)`}`
        throw new OperationalError(CODES[obstacle.kind], message)
      }
      if (plan.upTo !== null) await this.#remove(plan.upTo, known)
      return { upTo: plan.upTo, done }
    })
  }

  #requireBegun(to: string | undefined, purgeableTo: readonly FileInfo[]): void {
    const isIt = ({ name }: FileInfo): boolean => name === to
    if (!this.#parts.store.files().some(isIt) || purgeableTo.some(isIt)) return
    const message = `${to} has just begun, and what came before it is told by the file before it: try again`
    throw new OperationalError('E_FILE_IN_USE', message, { file: to })
  }

  /** Runs `work` with what is needed, while no dump begins; it resolves with the first file that stays. */
  async #alone<T>(
    work: (needs: Needs, known: KnownReplicas) => Promise<{ upTo: string | null; done: T }>,
  ): Promise<T> {
    const { needs, keeper } = this.#parts
    if (this.#isBusy) {
      throw new OperationalError('E_FILE_IN_USE', 'another purge is under way; try again')
    }
    this.#isBusy = true
    try {
      const { done } = await needs.held(async (gathered) => {
        keeper.take(gathered)
        const { known } = keeper
        if (known === undefined) {
          throw new OperationalError(
            'E_NOT_LEADER',
            'it is not known yet what replicas need; try again',
          )
        }
        return await work(needsOf(gathered, known), known)
      })
      return done
    } finally {
      this.#isBusy = false
    }
  }

  async #remove(upTo: string, known: KnownReplicas): Promise<KnownReplica[]> {
    const { store, journal, keeper, logger } = this.#parts
    const files = store.files()
    const going = files.slice(
      0,
      files.findIndex(({ name }) => name === upTo),
    )
    await journal.purge(upTo)
    const bytes = going.reduce((sum, { size }) => sum + size, 0)
    const lost = known.giveUpBefore(upTo)
    this.counters.files += going.length
    this.counters.bytes += bytes
    this.counters.givenUp += lost.length
    if (lost.length > 0) keeper.changed()
    logger.info({ upTo, files: going.length, bytes }, 'the files before this one were removed')
    for (const { uuid, host, needs, awayMs } of lost) {
      const fields = { uuid, host, needs, awayMs, upTo }
      logger.warn(fields, 'a replica that is away cannot go on any more: what it needs was removed')
    }
    return lost
  }
}
