import { readdirSync, readFileSync } from 'node:fs'

const FREEZE_MOST_MS = 5000
/** The state of a thread in `/proc`, behind its name in brackets (proc_pid_stat(5)): stopped by a signal, or ended. */
const STANDS_STILL = /\) [TZX] [^)]*$/
/** The same, or waiting for a disk, and stopped before it does anything with the answer. */
const DOES_NOTHING = /\) [TZXD] [^)]*$/

/**
 * Sends a signal. SIGSTOP has been obeyed when this returns: kill(2) only asks for it, and on a busy machine threads
 * go on for milliseconds, in which a server still answers.
 */
export function sendSignal(pid: number, name: NodeJS.Signals): void {
  process.kill(pid, name)
  if (name === 'SIGSTOP') waitForThreads(pid, STANDS_STILL)
}

/** As SIGSTOP, but what the disk has been asked for may be under way when this returns. */
export function stopAtDisk(pid: number): void {
  process.kill(pid, 'SIGSTOP')
  waitForThreads(pid, DOES_NOTHING)
}

function waitForThreads(pid: number, state: RegExp): void {
  const untilMs = performance.now() + FREEZE_MOST_MS
  while (!threadsOf(pid).every((stat) => state.test(stat))) {
    if (performance.now() > untilMs) throw new Error(`process ${pid} does not obey SIGSTOP`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  }
}

/** Where it has ended by itself there is nothing to do. */
export function signalQuietly(pid: number, name: NodeJS.Signals): void {
  try {
    sendSignal(pid, name)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}

/** What `/proc` says of each thread; nothing of a process that has ended. */
function threadsOf(pid: number): string[] {
  const folder = `/proc/${pid}/task`
  try {
    return readdirSync(folder).map((thread) => readFileSync(`${folder}/${thread}/stat`, 'utf8'))
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return []
    throw thrown
  }
}
