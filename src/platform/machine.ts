import { totalmem } from 'node:os'

/** What the machine gives this process. */
export interface Machine {
  /** `24.11.0` */
  readonly nodeVersion: string
  /** undefined where users have no numbers (Windows) */
  readonly userId: number | undefined
  /** what this process may use at most: the machine's memory, or the container's share of it */
  readonly memoryBytes: number
}

export const systemMachine: Machine = {
  nodeVersion: process.versions.node,
  userId: process.geteuid?.(),
  get memoryBytes() {
    // A process without a bound is told 0 or an enormous number.
    const bound = process.constrainedMemory()
    return bound > 0 ? Math.min(bound, totalmem()) : totalmem()
  },
}
