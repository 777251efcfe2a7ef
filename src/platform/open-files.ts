import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { messageOf, OperationalError, systemCodeOf } from '../lib/index.ts'

/** How many files this process may have open; undefined where the system does not tell. */
function openFilesMost(): string | undefined {
  try {
    return /^Max open files +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  } catch {
    return undefined
  }
}

/** Read at once: when there are no files left, this one cannot be opened either. */
const MOST = openFilesMost()

/**
 * How many files may be opened besides, at most, when a connection has just been accepted: it was given the lowest
 * number that was free. Infinity where that is not known.
 */
export function filesLeftBeside(socket: Socket): number {
  // Node tells the number of a socket nowhere else.
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null }
  const left = Number(MOST) - 1 - (handle?.fd ?? -1)
  return Number.isNaN(left) ? Number.POSITIVE_INFINITY : left
}

/** Why no file can be opened at the moment, E_OPEN_FILES; undefined while one can. */
export async function openFilesTrouble(): Promise<OperationalError | undefined> {
  try {
    const handle = await opening('another file', () => open('/dev/null', 'r'))
    await handle.close()
    return undefined
  } catch (thrown) {
    if (thrown instanceof OperationalError) return thrown
    throw thrown
  }
}

/**
 * Does what opens a file for a moment or longer.
 * @throws OperationalError E_OPEN_FILES where no more may be open; then nothing was done
 */
export async function opening<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    const code = systemCodeOf(thrown)
    if (code !== 'EMFILE' && code !== 'ENFILE') throw thrown
    throw outOfFiles(path, code, thrown)
  }
}

function outOfFiles(path: string, code: 'EMFILE' | 'ENFILE', cause: unknown): OperationalError {
  const whose =
    code === 'EMFILE'
      ? `this process may have ${MOST ?? 'no more'} (ulimit -n): raise LimitNOFILE of the service, ` +
        'or ulimit -n, and start again'
      : 'the whole machine has as many as it may: raise fs.file-max, or find who has them'
  const message = `${path} cannot be opened, too many files are open; ${whose}, or let fewer clients connect`
  return new OperationalError(
    'E_OPEN_FILES',
    `${message} (${messageOf(cause)})`,
    { path, systemCode: code },
    { cause },
  )
}
