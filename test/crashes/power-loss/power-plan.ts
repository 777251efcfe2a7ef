import type { FileSystem } from '../../e2e/harness/disks/own-disk.ts'

export interface PowerPlan {
  readonly seed: number
  readonly fileSystem: FileSystem
  /** how often the power goes */
  readonly cuts: number
  readonly say: (line: string) => void
}

export interface PowerResult {
  readonly cuts: number
  /** transactions of which clients were told that they are committed */
  readonly committed: number
  readonly losses: readonly string[]
}
