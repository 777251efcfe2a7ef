import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, type Stats, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { tryLock } from 'fs-native-extensions'
import { LineSplitter } from './line-splitter.ts'
import { opening } from './open-files.ts'
import { OutputFile } from './output-file.ts'
import type { Child, Command, ProcessEnd, Processes } from './processes.ts'

/**
 * The lock is one of the open file, not of the process: a child that inherits the open file has the
 * lock as well, and has it still when we are gone. Here the child finds it.
 */
const LOCK_DESCRIPTOR = 3

const OUTPUT_BYTES_MOST = 64 * 1024

function spawnLocked(command: Command, lock: FileHandle, output: OutputFile): ChildProcess {
  const { program, args, hiddenVariables } = command
  const environment = Object.entries(process.env)
  return spawn(program, args, {
    // In the order of the descriptors: standard input, output, error, LOCK_DESCRIPTOR.
    stdio: ['ignore', 'ignore', output.descriptor, lock.fd],
    env: Object.fromEntries(environment.filter(([name]) => !name.startsWith(hiddenVariables))),
  })
}

function endOf(child: ChildProcess, output: OutputFile): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      output.end()
      resolve({ code, signal })
    })
  })
}

function sameFile(path: string, file: Stats): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    return found?.ino === file.ino && found.dev === file.dev
  } catch {
    // Another user's process: it is none of ours.
    return false
  }
}

async function start(command: Command): Promise<Child | undefined> {
  const lock = await open(command.lockPath, 'a+', 0o600)
  try {
    if (!tryLock(lock.fd)) return undefined
    const output = new OutputFile(command.outputPath, new LineSplitter(command.onLine))
    try {
      const child = spawnLocked(command, lock, output)
      const ended = endOf(child, output)
      // Rejects with the system's error when the program cannot be started.
      await once(child, 'spawn')
      const { pid } = child
      if (pid === undefined) throw new Error(`${command.program} has no process id`)
      return { pid, ended, signal: (name) => void child.kill(name) }
    } catch (thrown) {
      output.end()
      throw thrown
    }
  } finally {
    await lock.close()
  }
}

/** The machine's own processes. */
export const systemProcesses: Processes = {
  async start(command): Promise<Child | undefined> {
    return await opening(command.program, () => start(command))
  },
  async output(program, args, timeoutMs) {
    const options = { timeout: timeoutMs, maxBuffer: OUTPUT_BYTES_MOST }
    const run = () => promisify(execFile)(program, [...args], options)
    return (await opening(program, run)).stdout
  },
  async holders(lockPath) {
    const file = statSync(lockPath, { throwIfNoEntry: false })
    if (file === undefined) return []
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((name) => sameFile(`/proc/${name}/fd/${LOCK_DESCRIPTOR}`, file))
      .map(Number)
  },
  signal(pid, name) {
    try {
      process.kill(pid, name)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
    }
  },
}
