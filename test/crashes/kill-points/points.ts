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

/** One for each moment. */
export function pointsAt(
  operation: string,
  moments: readonly Moment[],
  more: Pick<KillPoint, 'behind' | 'sparedMost'> = {},
): KillPoint[] {
  return moments.map((moment) => ({ operation, moment, ...more }))
}

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
    ...pointsAt('write binlog: bytes', EACH, often),
    ...pointsAt('sync binlog: bytes', EACH, often),
    ...pointsAt('write and sync binlog: bytes', EACH, often),
    ...pointsAt('write index: bytes', EACH, often),
  ],
  'begin of a file': [
    ...pointsAt('sync index: bytes', EACH, seldom),
    ...pointsAt('replace origin.json', EACH, seldom),
    ...pointsAt('create index', WHOLE, seldom),
    ...pointsAt('write index: head', EACH, seldom),
    ...pointsAt('sync index: head', EACH, seldom),
    ...pointsAt('create binlog', WHOLE, seldom),
    ...pointsAt('write binlog: magic', EACH, seldom),
    ...pointsAt('sync binlog: magic', EACH, seldom),
    ...pointsAt('sync folder binlogs', EACH, seldom),
    ...pointsAt('write index: set', EACH, seldom),
    ...pointsAt('write index: closed', EACH, seldom),
    ...pointsAt('truncate index', WHOLE, seldom),
    ...pointsAt('sync index: truncated', EACH, seldom),
  ],
  cut: [
    ...pointsAt('write index: room', EACH, seldom),
    ...pointsAt('write index: cut', EACH, seldom),
    ...pointsAt('sync index: cut', EACH, seldom),
    ...pointsAt('truncate binlog', WHOLE, seldom),
    ...pointsAt('sync binlog: truncated', EACH, seldom),
    ...pointsAt('write index: cut-done', EACH, seldom),
    ...pointsAt('sync index: cut-done', EACH, seldom),
  ],
  purge: [
    ...pointsAt('write index: purge', EACH, seldom),
    ...pointsAt('sync index: purge', EACH, seldom),
    ...pointsAt('remove binlog', WHOLE, seldom),
    ...pointsAt('remove index', WHOLE, seldom),
  ],
  start: [
    ...pointsAt('make folder data', WHOLE),
    ...pointsAt('make folder binlogs', WHOLE),
    ...pointsAt('sync folder data', EACH),
    ...pointsAt('sync folder ..', EACH),
    ...pointsAt('sync binlog: nothing', EACH),
  ],
  recovery: [
    ...pointsAt('write binlog: bytes again', EACH, { behind: unindexed }),
    ...pointsAt('sync binlog: bytes again', EACH, { behind: unindexed }),
    ...pointsAt('write index: bytes', EACH, { behind: unindexed }),
    ...pointsAt('truncate binlog', WHOLE, { behind: torn }),
    ...pointsAt('sync binlog: truncated', EACH, { behind: torn }),
    ...pointsAt('truncate binlog', WHOLE, { behind: halfCut }),
    ...pointsAt('write index: cut-done', EACH, { behind: halfCut }),
    ...pointsAt('sync index: cut-done', EACH, { behind: halfCut }),
    ...pointsAt('remove index', WHOLE, { behind: halfPurged }),
    ...pointsAt('remove binlog', WHOLE, { behind: toldPurge }),
  ],
}

export function describePoint({ operation, moment, behind }: KillPoint): string {
  const again =
    behind === undefined ? '' : `, behind a death ${behind.moment} '${behind.operation}'`
  return `${moment} '${operation}'${again}`
}
