import { messageOf, OperationalError, systemCodeOf } from '../../../lib/index.ts'
import type { Processes } from '../../../platform/index.ts'

/** Older ones lose watch events, read stale data or grant more than they should. */
const OLDEST = [3, 5, 30] as const
const VERSION_TIMEOUT_MS = 10_000
const REMEDY = 'install etcd 3.5.30 or later, or name one with cluster.etcd-binary'

/** The version of the etcd at this path (or of this name on the PATH), if it can be used. */
export async function checkBinary(processes: Processes, binary: string): Promise<string> {
  const output = await askVersion(processes, binary)
  const version = /^etcd Version: (\S+)/m.exec(output)?.[1]
  if (version === undefined) {
    throw new OperationalError('E_ETCD_BINARY', `${binary} is no etcd: ${REMEDY}`, { binary })
  }
  if (!isRecent(version)) {
    throw new OperationalError(
      'E_ETCD_BINARY',
      `${binary} is etcd ${version}, which has known faults that would hurt here: ${REMEDY}`,
      { binary, version },
    )
  }
  return version
}

async function askVersion(processes: Processes, binary: string): Promise<string> {
  try {
    return await processes.output(binary, ['--version'], VERSION_TIMEOUT_MS)
  } catch (thrown) {
    if (thrown instanceof OperationalError) throw thrown
    const isMissing = systemCodeOf(thrown) === 'ENOENT'
    const found = isMissing
      ? `there is no ${binary}`
      : `${binary} does not run (${messageOf(thrown)})`
    const message = `${found}: ${REMEDY}`
    throw new OperationalError('E_ETCD_BINARY', message, { binary }, { cause: thrown })
  }
}

function isRecent(version: string): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)$/.exec(version)?.slice(1).map(Number) ?? []
  if (numbers.length < OLDEST.length) return false
  const at = OLDEST.findIndex((least, index) => numbers[index] !== least)
  return at < 0 || (numbers[at] ?? 0) > (OLDEST[at] ?? 0)
}
