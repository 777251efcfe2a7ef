/*
  Every change that a process makes on its disk, in the order in which it makes them, and at which moments it may die.
  A run fails when a process makes one that is not here, or comes to none of its kind.
*/
import type { Moment } from './killing-disk.ts'

/** Where a process dies. */
export interface KillPoint {
  /** as `operation-name.ts` makes it */
  readonly operation: string
  readonly moment: Moment
  /** Up to so many such operations go well before, as chance has it: the process is under load then. */
  readonly sparedMost?: number
  /** Where the process before it died, for what only recovery does. */
  readonly behind?: KillPoint
}

/** Nothing lies between before and after. */
const WHOLE = ['before', 'after'] as const
const EACH = ['before', 'half', 'after'] as const

const at = (
  operation: string,
  moments: readonly Moment[],
  more: Pick<KillPoint, 'behind' | 'sparedMost'> = {},
): KillPoint[] => moments.map((moment) => ({ operation, moment, ...more }))

/** under load, all the time */
const often = { sparedMost: 25 }
/** at each rotation, each broken connection, each purge */
const seldom = { sparedMost: 2 }
const unindexed: KillPoint = { operation: 'write and sync binlog: bytes', moment: 'after' }
const torn: KillPoint = { operation: 'write binlog: bytes', moment: 'half' }
const halfCut: KillPoint = { operation: 'sync index: cut', moment: 'after' }
const toldPurge: KillPoint = { operation: 'sync index: purge', moment: 'after' }
const halfPurged: KillPoint = { operation: 'remove binlog', moment: 'after' }

export const KILL_POINTS: Readonly<Record<string, readonly KillPoint[]>> = {
  append: [
    ...at('write binlog: bytes', EACH, often),
    ...at('sync binlog: bytes', EACH, often),
    ...at('write and sync binlog: bytes', EACH, often),
    ...at('write index: bytes', EACH, often),
  ],
  'begin of a file': [
    ...at('sync index: bytes', EACH, seldom),
    ...at('replace origin.json', EACH, seldom),
    ...at('create index', WHOLE, seldom),
    ...at('write index: head', EACH, seldom),
    ...at('sync index: head', EACH, seldom),
    ...at('create binlog', WHOLE, seldom),
    ...at('write binlog: magic', EACH, seldom),
    ...at('sync binlog: magic', EACH, seldom),
    ...at('sync folder binlogs', EACH, seldom),
    ...at('write index: set', EACH, seldom),
    ...at('write index: closed', EACH, seldom),
    ...at('truncate index', WHOLE, seldom),
    ...at('sync index: truncated', EACH, seldom),
  ],
  cut: [
    ...at('write index: room', EACH, seldom),
    ...at('write index: cut', EACH, seldom),
    ...at('sync index: cut', EACH, seldom),
    ...at('truncate binlog', WHOLE, seldom),
    ...at('sync binlog: truncated', EACH, seldom),
    ...at('write index: cut-done', EACH, seldom),
    ...at('sync index: cut-done', EACH, seldom),
  ],
  purge: [
    ...at('write index: purge', EACH, seldom),
    ...at('sync index: purge', EACH, seldom),
    ...at('remove binlog', WHOLE, seldom),
    ...at('remove index', WHOLE, seldom),
  ],
  start: [
    ...at('make folder data', WHOLE),
    ...at('make folder binlogs', WHOLE),
    ...at('sync folder data', EACH),
    ...at('sync folder ..', EACH),
    ...at('sync binlog: nothing', EACH),
  ],
  recovery: [
    ...at('write binlog: bytes again', EACH, { behind: unindexed }),
    ...at('sync binlog: bytes again', EACH, { behind: unindexed }),
    ...at('write index: bytes', EACH, { behind: unindexed }),
    ...at('truncate binlog', WHOLE, { behind: torn }),
    ...at('sync binlog: truncated', EACH, { behind: torn }),
    ...at('truncate binlog', WHOLE, { behind: halfCut }),
    ...at('write index: cut-done', EACH, { behind: halfCut }),
    ...at('sync index: cut-done', EACH, { behind: halfCut }),
    ...at('remove index', WHOLE, { behind: halfPurged }),
    ...at('remove binlog', WHOLE, { behind: toldPurge }),
  ],
}

export function describePoint({ operation, moment, behind }: KillPoint): string {
  const again =
    behind === undefined ? '' : `, behind a death ${behind.moment} '${behind.operation}'`
  return `${moment} '${operation}'${again}`
}
