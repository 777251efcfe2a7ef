import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { sendSignal } from './signals.ts'

const cleanups: (() => void)[] = []
const running = new Set<ServerProcess>()
let hooked = false

/** Calls `then` when this process ends, after its children were killed; latest first. */
export function atExit(then: () => void): void {
  hookExit()
  cleanups.push(then)
}

/** Ends all that this process started and removes its folders: the last step of every test file. */
export async function endEverything(): Promise<void> {
  await Promise.all([...running].map((child) => child.end('SIGKILL')))
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup()
}

function hookExit(): void {
  if (hooked) return
  hooked = true
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.once(signal, () => process.exit(130))
  process.on('exit', () => {
    for (const child of running) child.signal('SIGKILL')
    for (const cleanup of cleanups.toReversed()) cleanup()
  })
}

export interface ServerCommand {
  readonly program: string
  readonly args: readonly string[]
  /** what the process writes to its standard output and error is appended here */
  readonly logFile: string
  readonly env?: Readonly<Record<string, string>>
  /** the process outlives this one (the demo's --keep) */
  readonly detached?: boolean
}

/** How a program is started in a network namespace of this machine (needs root), or in ours. */
export function commandIn(
  namespace: string | undefined,
  program: string,
  args: readonly string[],
): Pick<ServerCommand, 'program' | 'args'> {
  if (namespace === undefined) return { program, args }
  // `ip` becomes the program, so it is the program that is signalled.
  return { program: 'ip', args: ['netns', 'exec', namespace, program, ...args] }
}

/** A long-running child; only ever signals the process that it started itself. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #command: ServerCommand
  readonly exited: Promise<void>

  constructor(command: ServerCommand) {
    hookExit()
    this.#command = command
    const log = openSync(command.logFile, 'a')
    this.#child = spawn(command.program, command.args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...command.env },
      detached: command.detached ?? false,
    })
    closeSync(log)
    running.add(this)
    this.exited = new Promise((resolve) => {
      const ended = (): void => {
        running.delete(this)
        resolve()
      }
      this.#child.once('exit', ended)
      this.#child.once('error', ended)
    })
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#command.program} did not start`)
    return this.#child.pid
  }

  get isRunning(): boolean {
    return running.has(this)
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  signal(name: NodeJS.Signals): void {
    if (this.isRunning) sendSignal(this.pid, name)
  }

  /** Leaves the process running when this one ends. */
  release(): void {
    running.delete(this)
    this.#child.unref()
  }

  /** Sends the signal and waits for the end; SIGKILL follows after `patienceMs`. */
  async end(name: NodeJS.Signals, patienceMs = 60_000): Promise<void> {
    this.signal(name)
    const timer = setTimeout(() => this.signal('SIGKILL'), patienceMs)
    await this.exited
    clearTimeout(timer)
  }

  /** The last lines of what the process said. */
  logTail(lines = 40): string {
    return readFileSync(this.#command.logFile, 'utf8').split('\n').slice(-lines).join('\n')
  }
}
