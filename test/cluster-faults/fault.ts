import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { FaultNode } from './world/fault-node.ts'
import type { World } from './world/world.ts'

/** On what a fault is inflicted. */
export interface Scene {
  readonly world: World
  readonly leader: FaultNode
  readonly follower: FaultNode
  /** the third node */
  readonly other: FaultNode
  readonly random: SeededRandom
  readonly say: (line: string) => void
}

export interface Fault {
  /** in the words of the log; `--only` asks for it by this */
  readonly name: string
  /** whether the source is acknowledged transactions while it lasts */
  readonly ingest: 'goes on' | 'may stop'
  /** how long it lasts at least; default 3 s */
  readonly holdMs?: number
  readonly needsOwnDisks?: boolean
  /** The nodes that can lead, or follow the one that does, while it lasts; default none. */
  readonly healthy?: (scene: Scene) => readonly FaultNode[]
  /** @returns what ends it */
  inflict(scene: Scene): Promise<() => Promise<void>>
}

/** Ends several things, in their order. */
export function all(...ends: readonly (() => void)[]): () => Promise<void> {
  return async () => {
    for (const end of ends) end()
  }
}
