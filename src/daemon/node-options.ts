import type { Config, Secrets } from '../config/index.ts'
import type { Logger } from '../lib/index.ts'
import type { Clock, Disk, DiskFigures, Random } from '../platform/index.ts'

/** What a node is made of. */
export interface NodeOptions {
  readonly config: Config
  readonly secrets: Secrets
  readonly version: string
  readonly disk: Disk
  /** what that disk is being asked */
  readonly diskFigures: DiskFigures
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** a promise of the code was broken: does not return */
  readonly onBug: (bug: unknown) => void
}
