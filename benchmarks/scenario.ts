import type { Shape } from './corpus.ts'
import type { FigureName, Run } from './figures.ts'
import type { Spread } from './spread.ts'
import type { Stage } from './stage.ts'

/** The repeats of one measurement of one party. */
export interface Measured {
  /** what was done, as the tables call it: `serve 8` */
  readonly what: string
  /** `kingbus`, or the peer beside it */
  readonly who: string
  readonly runs: readonly Run[]
}

/** The spread of one figure of one party; the goal's own `what` and corpus are meant. */
export type Lookup = (who: string, figure: FigureName) => Spread

export interface Goal {
  readonly says: string
  /** the measurement that it is about */
  readonly what: string
  /** of these corpora; of all that were measured when left out */
  readonly shapes?: readonly Shape[]
  /** the figure to hold against `least` or `most` */
  readonly figure: (of: Lookup) => number
  readonly least?: number
  readonly most?: number
  /** no promise: what it would be good to reach */
  readonly aim?: boolean
}

/** One benchmark: a file of its own in scenarios/, a line in scenarios/all.ts. */
export interface Scenario {
  /** as `--only` takes it */
  readonly name: string
  /** a sentence for `--help` and above its table */
  readonly measures: string
  /** the corpora that it makes sense on */
  readonly shapes: readonly Shape[]
  readonly goals: readonly Goal[]
  /** why it cannot run here; undefined when it can */
  readonly obstacle?: () => string | undefined
  run(stage: Stage): Promise<Measured[]>
}
