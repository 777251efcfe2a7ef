import { compareFileNames } from '../../store/index.ts'
import type { Gathered } from './all-needs.ts'
import type { KnownReplica, KnownReplicas } from './known-replicas.ts'

/** Which files must stay, and for whom. */
export interface Needs {
  /** the oldest file that is open on any node */
  readonly readFrom: string | undefined
  /** the oldest that a dump would ask for if it were cut off now */
  readonly askedFrom: string | undefined
  readonly dumps: readonly { readonly who: string; readonly file: string; readonly node: string }[]
  /** replicas that are away and not given up */
  readonly absent: readonly KnownReplica[]
  /** nodes of which nobody knows who reads what */
  readonly silent: readonly string[]
  /** what the files may take on the node with the least room, in bytes */
  readonly roomBytes: number
}

export function needsOf({ answers, silent }: Gathered, known: KnownReplicas): Needs {
  const nodes = [...answers]
  return {
    readFrom: oldest(nodes.map(([, { readFrom }]) => readFrom)),
    askedFrom: oldest(nodes.flatMap(([, { readFrom, askedFrom }]) => [readFrom, askedFrom])),
    dumps: nodes.flatMap(([node, { dumps }]) => dumps.map((dump) => ({ ...dump, node }))),
    absent: known.absent().filter(({ isGivenUp }) => !isGivenUp),
    silent,
    roomBytes: Math.min(...nodes.map(([, { roomBytes }]) => roomBytes)),
  }
}

function oldest(names: readonly (string | null)[]): string | undefined {
  return names.filter((name) => name !== null).sort(compareFileNames)[0]
}
