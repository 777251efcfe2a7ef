/*
  Conditions and values of the questions about tables that are passed on

    condition  conjunction { OR conjunction }
    conjunction  predicate { AND predicate }
    predicate  {NOT} value [ compare value | IS [NOT] NULL | [NOT] IN (value, ...) | [NOT] LIKE value [ESCAPE string]
                             | [NOT] BETWEEN value AND value ]
    value      {BINARY} ( string | [-] number | NULL | column | function(value, ...) | COUNT(*) | (condition) )

  No subselects, no variables, and of the functions only those that look at their arguments and nothing else.
*/
import { SqlError } from '../sql/sql-error.ts'
import type { Rendering } from './rendering.ts'

const FUNCTIONS =
  'DATABASE SCHEMA LOWER UPPER CONCAT IFNULL COALESCE NULLIF IF LENGTH CHAR_LENGTH LEFT RIGHT TRIM ' +
  'COUNT MAX MIN SUM'
const FUNCTION_NAMES = FUNCTIONS.split(' ')
const COMPARISONS = ['=', '<=>', '<>', '!=', '<', '<=', '>', '>=']
const DEPTH_MOST = 50

export class ConditionReader {
  readonly #rendering: Rendering
  #depth = 0
  #usesDatabase = false

  constructor(rendering: Rendering) {
    this.#rendering = rendering
  }

  /** DATABASE() was read */
  get usesDatabase(): boolean {
    return this.#usesDatabase
  }

  condition(): void {
    do this.#conjunction()
    while (this.#rendering.takeWord('OR') || this.#rendering.takeSymbol('||'))
  }

  value(): void {
    const rendering = this.#rendering
    while (rendering.takeWord('BINARY')) continue
    if (rendering.takeWord('NULL') || rendering.takeLiteral()) return
    if (rendering.takeSymbol('-')) {
      rendering.expectNumber()
      return
    }
    this.#deeper(() => {
      if (rendering.takeSymbol('(')) {
        this.condition()
        rendering.expectSymbol(')')
      } else if (this.#isCall()) this.#call()
      else rendering.expectColumn()
    })
  }

  values(): void {
    do this.value()
    while (this.#rendering.takeSymbol(','))
  }

  /** What may follow SHOW COLUMNS and its like: [LIKE 'pattern' | WHERE condition] */
  filter(): void {
    if (this.#rendering.takeWord('LIKE')) this.#rendering.expectString()
    else if (this.#rendering.takeWord('WHERE')) this.condition()
  }

  #conjunction(): void {
    do this.#predicate()
    while (this.#rendering.takeWord('AND') || this.#rendering.takeSymbol('&&'))
  }

  #predicate(): void {
    const rendering = this.#rendering
    while (rendering.takeWord('NOT')) continue
    this.value()
    if (rendering.takeSymbol(...COMPARISONS)) {
      this.value()
      return
    }
    if (rendering.takeWord('IS')) {
      rendering.takeWord('NOT')
      rendering.expectWord('NULL')
      return
    }
    const isNot = rendering.takeWord('NOT')
    if (rendering.takeWord('IN')) {
      rendering.expectSymbol('(')
      this.values()
      rendering.expectSymbol(')')
    } else if (rendering.takeWord('LIKE')) {
      this.value()
      if (rendering.takeWord('ESCAPE')) rendering.expectString()
    } else if (rendering.takeWord('BETWEEN')) {
      this.value()
      rendering.expectWord('AND')
      this.value()
    } else if (isNot) throw rendering.cursor.error()
  }

  /** Does a function stand here, and not a column? */
  #isCall(): boolean {
    const { cursor } = this.#rendering
    if (cursor.token.kind !== 'word') return false
    const { index } = cursor
    cursor.next()
    const isCall = cursor.isSymbol('(')
    cursor.back(index)
    return isCall
  }

  #call(): void {
    const rendering = this.#rendering
    this.#usesDatabase ||= rendering.cursor.isWord('DATABASE', 'SCHEMA')
    rendering.expectWord(...FUNCTION_NAMES)
    rendering.expectSymbol('(')
    if (rendering.takeSymbol(')')) return
    if (!rendering.takeSymbol('*')) {
      rendering.takeWord('DISTINCT')
      this.values()
    }
    rendering.expectSymbol(')')
  }

  #deeper(read: () => void): void {
    if (this.#depth === DEPTH_MOST) {
      throw new SqlError(1436, 'HY000', `Parentheses deeper than ${DEPTH_MOST} are not read`)
    }
    this.#depth += 1
    read()
    this.#depth -= 1
  }
}
