/*
  What one node says of the files that its clients need: to whoever decides which files go, which in a cluster is
  the node that leads. Over the link it goes as JSON, in the shape of these schemas.
*/
import { z } from 'zod'
import type { Clock, Disk } from '../../platform/index.ts'
import type { Replicas } from '../../serve/index.ts'
import { type BinlogStore, compareFileNames } from '../../store/index.ts'

/** Dumps beyond so many are not named; what they need counts all the same. */
const DUMPS_NAMED_MOST = 100
/** How often a node that is to let dumps begin again looks whether the files are gone that were to go. */
const GONE_LOOK_MS = 20

export const seenReplicaSchema = z.object({
  uuid: z.string(),
  serverId: z.number(),
  user: z.string(),
  host: z.string(),
  file: z.string(),
  position: z.number(),
  needs: z.string(),
})

/** Who asks keeps what has left this process up to there. */
const collectedSchema = z.object({ process: z.string(), upTo: z.number() })

export const needsQuestionSchema = z.object({
  collected: collectedSchema.nullable(),
  /** no dump is to begin for so long; 0: they may */
  holdMs: z.number(),
})

export const nodeNeedsSchema = z.object({
  process: z.string(),
  connected: z.array(seenReplicaSchema),
  left: z.array(seenReplicaSchema.extend({ id: z.number(), awayMs: z.number() })),
  /** who reads which file */
  dumps: z.array(z.object({ who: z.string(), file: z.string() })),
  /** the oldest file that is open; null: none */
  readFrom: z.string().nullable(),
  /** the oldest file that a dump would ask for if it were cut off now; null: none */
  askedFrom: z.string().nullable(),
  /** what the binlog files may take here until less than `disk.min-free` is left, in bytes */
  roomBytes: z.number(),
  /** no dump has begun since; false when one that was on its way could not be waited for */
  isHeld: z.boolean(),
})

export type NeedsQuestion = z.infer<typeof needsQuestionSchema>
export type NodeNeeds = z.infer<typeof nodeNeedsSchema>

/** As much of a ReplicationServer as is needed. */
export interface ClientsOfNode {
  readonly replicas: Pick<Replicas, 'connected' | 'left' | 'collected' | 'runningDumps'>
  readonly dumps: {
    hold(forMs: number): Promise<boolean>
    letGo(): void
  }
}

export interface NodeNeedsOptions {
  readonly store: Pick<BinlogStore, 'files'>
  readonly server: ClientsOfNode
  readonly disk: Pick<Disk, 'space'>
  readonly folder: string
  readonly minFree: number
  /** made anew at each start: the numbers of who has left begin again with it */
  readonly process: string
  readonly clock: Clock
}

/** What the clients of this node need. */
export class OwnNeeds {
  readonly #options: NodeNeedsOptions

  constructor(options: NodeNeedsOptions) {
    this.#options = options
  }

  async answer({ collected, holdMs }: NeedsQuestion): Promise<NodeNeeds> {
    const { store, server, process, minFree } = this.#options
    const { replicas, dumps } = server
    if (collected?.process === process) replicas.collected(collected.upTo)
    const freeBytes = await this.#freeBytes()
    const isHeld = holdMs === 0 || (await dumps.hold(holdMs))
    // From here on nothing is waited for, so that all of it is of one moment.
    const files = store.files()
    const bytes = files.reduce((sum, { size }) => sum + size, 0)
    const running = replicas.runningDumps(files)
    return {
      process,
      connected: replicas.connected(files),
      left: replicas.left(files),
      dumps: running
        .map(({ who, file }) => ({ who, file }))
        .toSorted((one, other) => compareFileNames(one.file, other.file))
        .slice(0, DUMPS_NAMED_MOST),
      readFrom: files.find(({ readers }) => readers > 0)?.name ?? null,
      askedFrom: running.map(({ needs }) => needs).sort(compareFileNames)[0] ?? null,
      roomBytes: Math.max(0, bytes + freeBytes - minFree),
      isHeld,
    }
  }

  /** A disk that does not say what is free is no reason to give up anybody. */
  async #freeBytes(): Promise<number> {
    const { disk, folder } = this.#options
    try {
      return (await disk.space(folder)).freeBytes
    } catch {
      return Number.MAX_SAFE_INTEGER
    }
  }

  /** Dumps may begin again, once the files before `upTo` are gone here; null: none were to go. */
  async letGo(upTo: string | null, withinMs: number): Promise<void> {
    const { clock, store, server } = this.#options
    const endMs = clock.monotonicMs() + withinMs
    const areGone = (): boolean => upTo === null || !this.#hasBefore(store.files(), upTo)
    while (!areGone() && clock.monotonicMs() < endMs) await clock.sleep(GONE_LOOK_MS)
    server.dumps.letGo()
  }

  #hasBefore(files: ReturnType<BinlogStore['files']>, upTo: string): boolean {
    return files.findIndex(({ name }) => name === upTo) > 0
  }
}
