/*
  Faults planted into a node's retention, one for each checker and more: a checker that does not notice its fault
  checks nothing. docs/internals/testing.md lists them.
*/
import type { RetentionOptions } from '../../../src/daemon/retention/build-retention.ts'
import { GtidSet } from '../../../src/mysql/index.ts'
import { overlaid } from '../overlaid.ts'
import type { RetentionChecker } from '../violation.ts'
import type { MonthSabotage } from './month-node.ts'

export interface PlantedMonth {
  readonly name: string
  readonly caughtBy: RetentionChecker
  readonly sabotage: MonthSabotage
}

type Clients = RetentionOptions['server']['replicas']

/** What retention is told of clients, changed. */
function told(change: (replicas: Clients) => Partial<Clients>): MonthSabotage {
  return {
    retention(options) {
      const { server } = options
      const replicas = overlaid(server.replicas, change(server.replicas))
      return { ...options, server: { ...server, replicas } }
    },
  }
}

function unread(store: RetentionOptions['store']): RetentionOptions['store'] {
  return overlaid(store, { files: () => store.files().map((file) => ({ ...file, readers: 0 })) })
}

const UNREAD = told(() => ({ runningDumps: () => [] }))

export const PLANTED_MONTHS: readonly PlantedMonth[] = [
  {
    name: 'a client that is connected keeps nothing',
    caughtBy: 'nothing that is needed is gone',
    sabotage: {
      retention(options) {
        const store = unread(options.store)
        return UNREAD.retention?.({ ...options, store }) ?? options
      },
    },
  },
  {
    name: 'what may be on its way to a client does not count',
    caughtBy: 'nothing that is needed is gone',
    sabotage: told((replicas) => ({
      runningDumps: (files) =>
        replicas.runningDumps(files).map((dump) => ({ ...dump, needs: dump.file })),
    })),
  },
  {
    name: 'a replica that is away keeps nothing',
    caughtBy: 'nothing that is needed is gone',
    sabotage: told(() => ({ connected: () => [], left: () => [] })),
  },
  {
    name: 'a replica that is away needs only what it was not sent',
    caughtBy: 'nothing that is needed is gone',
    sabotage: told((replicas) => ({
      left: (files) => replicas.left(files).map((one) => ({ ...one, needs: one.file })),
    })),
  },
  {
    name: 'replicas that were seen are forgotten at the end of the process',
    caughtBy: 'nothing that is needed is gone',
    sabotage: {
      retention: (options) => ({
        ...options,
        disk: overlaid(options.disk, { replaceFile: () => Promise.resolve() }),
      }),
    },
  },
  {
    name: 'a replica that is away is kept for, for ever',
    caughtBy: 'limits hold',
    sabotage: {
      retention: (options) => ({
        ...options,
        wish: () => ({ ...options.wish(), keepForAbsentReplicasMs: Number.POSITIVE_INFINITY }),
      }),
    },
  },
  {
    name: 'a purge removes nothing',
    caughtBy: 'limits hold',
    sabotage: {
      retention: (options) => ({
        ...options,
        journal: overlaid(options.journal, { purge: () => Promise.resolve() }),
      }),
    },
  },
  {
    name: 'a purge leaves one file more than it says',
    caughtBy: 'a purge by hand removes what it says',
    sabotage: {
      retention: ({ store, journal, ...options }) => ({
        ...options,
        store,
        journal: overlaid(journal, {
          async purge(upTo) {
            const before = store.files().findLast(({ name }) => name < upTo)?.name
            await journal.purge(before ?? upTo)
          },
        }),
      }),
    },
  },
  {
    name: 'a dry run is none',
    caughtBy: 'a purge by hand removes what it says',
    sabotage: {
      desk: (desk) =>
        overlaid(desk, { purge: async (wish) => await desk.purge({ ...wish, dryRun: false }) }),
    },
  },
  {
    name: 'what a replica needs goes by hand without force',
    caughtBy: 'nothing that is needed is gone',
    sabotage: {
      desk: (desk) =>
        overlaid(desk, { purge: async (wish) => await desk.purge({ ...wish, force: true }) }),
    },
  },
  {
    name: 'a disk without room overrules nobody',
    caughtBy: 'limits hold',
    sabotage: {
      retention: (options) => ({ ...options, minFree: 0 }),
    },
  },
  {
    name: 'a clock that jumps is believed',
    caughtBy: 'files go for a reason',
    sabotage: {
      retention: (options) => ({
        ...options,
        clock: overlaid(options.clock, { monotonicMs: () => options.clock.nowMs() }),
      }),
    },
  },
  {
    name: 'a file in the middle is gone',
    caughtBy: 'files go oldest first',
    sabotage: {
      store: (store) => overlaid(store, { files: () => store.files().toSpliced(2, 1) }),
    },
  },
  {
    name: 'purged transactions are not told',
    caughtBy: 'gtid_purged agrees with the files',
    sabotage: { store: (store) => overlaid(store, { purged: () => GtidSet.empty() }) },
  },
]
