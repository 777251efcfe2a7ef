/** Other programs, run as children of this process. */
export interface Processes {
  /**
   * Starts a program that keeps a kernel lock on `lockPath` (made when absent) as long as it lives,
   * whatever becomes of us. Undefined when a process has the lock; rejects with the system's error
   * (ENOENT, EACCES) when there is no such program, with E_OPEN_FILES when no file may be opened.
   */
  start(command: Command): Promise<Child | undefined>
  /** Runs a program to its end; rejects when it cannot be run, takes too long, or ends badly. */
  output(program: string, args: readonly string[], timeoutMs: number): Promise<string>
  /** Ids of the processes, started as above, that have the lock; only those that we may look at. */
  holders(lockPath: string): Promise<number[]>
  /** Nothing happens when there is no such process (any more). */
  signal(pid: number, name: Signal): void
}

export type Signal = 'SIGTERM' | 'SIGKILL'

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly lockPath: string
  /** variables of the environment that begin with this are not handed on */
  readonly hiddenVariables: string
  /** the file that its standard error goes to, so that the program can go on writing when we are gone */
  readonly outputPath: string
  /** each line of what it writes there, soon, cut at `LINE_BYTES_MOST` */
  readonly onLine: (line: string) => void
}

export interface Child {
  readonly pid: number
  /** Resolves when the process has ended and all that it wrote was handed on; never rejects. */
  readonly ended: Promise<ProcessEnd>
  signal(name: Signal): void
}

/** Either an exit code or the signal that ended it. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: string | null
}
