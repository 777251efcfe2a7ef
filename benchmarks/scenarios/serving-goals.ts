import type { Shape } from '../corpus.ts'
import type { FigureName } from '../figures.ts'
import type { Goal, Lookup } from '../scenario.ts'

/** Kingbus's figure by that of mysqld, medians. */
function byMysqld(figure: FigureName): (of: Lookup) => number {
  return (of) => of('kingbus', figure).median / of('mysqld', figure).median
}

const pureShapes: readonly Shape[] = ['big', 'small']

/** Serving: the rates, and what they cost. `how` stands behind `serve 1` in the names of the measurements. */
export function servingGoals(how: string): Goal[] {
  return [
    {
      what: `serve 1${how}`,
      says: `one client${how}: MB/s by mysqld's`,
      shapes: pureShapes,
      figure: byMysqld('megabytesPerSecond'),
      least: 1.2,
    },
    {
      what: `serve 8${how}`,
      says: `eight clients${how}: MB/s by mysqld's`,
      figure: byMysqld('megabytesPerSecond'),
      least: 1,
    },
    {
      what: `serve 8${how}`,
      says: `eight clients${how}: CPU s/GB by mysqld's`,
      shapes: ['big'],
      figure: byMysqld('cpu'),
      most: 1,
    },
    {
      what: `serve 8${how}`,
      says: `eight clients${how}: CPU s/GB by mysqld's`,
      shapes: ['small'],
      figure: byMysqld('cpu'),
      most: 0.5,
    },
  ]
}
