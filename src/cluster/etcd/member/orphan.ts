import { type Logger, OperationalError } from '../../../lib/index.ts'
import type { Clock, Disk, Processes } from '../../../platform/index.ts'

/** After SIGTERM etcd hands its leadership over and ends; after SIGKILL it just ends. */
const TERM_PATIENCE_MS = 5000
const KILL_PATIENCE_MS = 5000
const STEP_MS = 20

export interface OrphanSearch {
  readonly lockPath: string
  readonly disk: Disk
  readonly processes: Processes
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Ends an etcd that an earlier process of this node left behind. It is known by the lock that it has
 * from us, so that nothing else is ever signalled. It is ended rather than taken over: its log is
 * read by nobody, and it runs with the settings of then.
 */
export async function endOrphan(search: OrphanSearch): Promise<void> {
  const { lockPath, disk, processes, log } = search
  if (!(await disk.isLocked(lockPath))) return
  const pids = await processes.holders(lockPath)
  log.warn({ pids }, 'an etcd of an earlier run of this node is still running, and is ended')
  for (const pid of pids) processes.signal(pid, 'SIGTERM')
  if (await isFreed(search, TERM_PATIENCE_MS)) return
  for (const pid of pids) processes.signal(pid, 'SIGKILL')
  if (await isFreed(search, KILL_PATIENCE_MS)) return
  throw new OperationalError(
    'E_ETCD_IN_USE',
    `another process has the lock ${lockPath} and could not be ended: end it, then start again`,
    { lock: lockPath, pids: pids.join(' ') },
  )
}

async function isFreed(
  { disk, clock, lockPath }: OrphanSearch,
  withinMs: number,
): Promise<boolean> {
  const endMs = clock.monotonicMs() + withinMs
  while (await disk.isLocked(lockPath)) {
    if (clock.monotonicMs() >= endMs) return false
    await clock.sleep(STEP_MS)
  }
  return true
}
