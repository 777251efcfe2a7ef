/* Faults planted into a node whose source changes, each of which a checker must notice. */
import type { Journal } from '../../../src/journal/index.ts'
import { GtidSet } from '../../../src/mysql/index.ts'
import type { Sabotage } from '../node.ts'
import { overlaid } from '../overlaid.ts'
import type { Checker } from '../violation.ts'

export interface PlantedChange {
  readonly name: string
  readonly caughtBy: readonly Checker[]
  readonly sabotage: Sabotage
}

const CLIENTS: Checker = 'clients are shown true bytes, in order, once'

function withHeld(change: (held: GtidSet) => void): Sabotage {
  return {
    journal: (journal) =>
      overlaid<Journal>(journal, {
        heldGtids() {
          const held = journal.heldGtids().clone()
          change(held)
          return held
        },
      }),
  }
}

export const PLANTED_CHANGES: readonly PlantedChange[] = [
  {
    name: 'nothing counts as held',
    caughtBy: [CLIENTS, 'states say what happened'],
    sabotage: withHeld((held) => held.removeAll(held.clone())),
  },
  {
    name: 'the newest transaction of one server does not count as held',
    caughtBy: [CLIENTS, 'states say what happened'],
    sabotage: withHeld((held) => {
      const origin = held.origins()[0]
      if (origin === undefined) return
      const newest = GtidSet.empty()
      newest.add({ origin, gno: held.lastOf(origin) })
      held.removeAll(newest)
    }),
  },
  {
    name: 'a transaction counts as held that is not',
    caughtBy: ['states say what happened', 'the node catches up'],
    sabotage: withHeld((held) => {
      const origin = held.origins()[0]
      if (origin !== undefined) held.add({ origin, gno: held.lastOf(origin) + 1n })
    }),
  },
  {
    name: 'a transaction is not counted where it is stored',
    caughtBy: ['GTIDs agree with the files', 'the node catches up', CLIENTS],
    sabotage: {
      journal: (journal) =>
        overlaid<Journal>(journal, {
          append: (chunk) => journal.append({ ...chunk, gtids: undefined }),
        }),
    },
  },
]
