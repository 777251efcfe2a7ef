import { readFileSync } from 'node:fs'
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
