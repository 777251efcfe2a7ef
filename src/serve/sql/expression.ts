import type { Column } from '../../mysql/index.ts'
import { integerColumn, longTextColumn, nameColumn } from './answer.ts'
import type { Cursor } from './cursor.ts'
import { callFunction, shapeOfFunction } from './functions.ts'
import { binaryOperator, type Operator } from './operators.ts'
import type { RowScope, Scope } from './scope.ts'
import { SqlError } from './sql-error.ts'
import type { Token } from './tokenizer.ts'
import { compare, isLike, numberOf, ofTruth, textOf, truthOf, type Value } from './value.ts'
import { readSystemVariable, shapeOfSystemVariable } from './variables.ts'
import { waitForGtidSet } from './wait-for-gtid-set.ts'

/*
  expression   a chain of operands and operators of operators.ts, by precedence
  operand      literal | @user | @@system | name | function(...) | (expression) | - operand | NOT operand

  An expression is parsed into a function, which is then called once per row.
*/
export interface Expression {
  (scope: Scope, row?: RowScope): Value
  /** the name of the column, lower case, that it is and nothing else */
  readonly column?: string
  /** the name of its column in an answer, where that is not how it was written */
  readonly title?: string
  /** its column in an answer, where that does not follow from its value */
  readonly shape?: ((name: string, value: Value) => Column | undefined) | undefined
}

/** Gets a function that waits ready; it must be awaited before the expressions are called. */
type Wait = (scope: Scope) => Promise<void>

/** Parts of one statement's expressions in all; more would overrun the stack. Beyond it: error 1436. */
const PARTS_MOST = 500

const NOT_PRECEDENCE = 3
const COMPARISON_PRECEDENCE = 4
const UNARY_PRECEDENCE = 10

export class ExpressionParser {
  /** in the order of the statement; empty unless it may wait */
  readonly waits: Wait[] = []
  readonly #cursor: Cursor
  readonly #mayWait: boolean
  #parts = 0

  /** @param mayWait whether the statement awaits `waits`; else functions that wait are error 1235 */
  constructor(cursor: Cursor, { mayWait = false }: { readonly mayWait?: boolean } = {}) {
    this.#cursor = cursor
    this.#mayWait = mayWait
  }

  parse(lowest = 0): Expression {
    let left = this.#operand()
    for (;;) {
      const operator = binaryOperator(this.#cursor.token)
      if (operator !== undefined && operator.precedence >= lowest) {
        left = this.#binary(left, operator)
      } else if (lowest <= COMPARISON_PRECEDENCE && this.#startsTest()) {
        left = this.#test(left)
      } else return left
    }
  }

  /** Expressions up to the closing parenthesis, which is read too. */
  list(): Expression[] {
    const expressions: Expression[] = []
    if (this.#cursor.takeSymbol(')')) return expressions
    do expressions.push(this.parse())
    while (this.#cursor.takeSymbol(','))
    this.#cursor.expectSymbol(')')
    return expressions
  }

  #binary(left: Expression, operator: Operator): Expression {
    this.#cursor.next()
    const right = this.parse(operator.precedence + 1)
    return (scope, row) => operator.apply(left(scope, row), right(scope, row))
  }

  #startsTest(): boolean {
    return this.#cursor.isWord('IS', 'IN', 'LIKE', 'NOT')
  }

  /** IS [NOT] NULL, [NOT] IN (...), [NOT] LIKE ... */
  #test(operand: Expression): Expression {
    this.#count()
    const cursor = this.#cursor
    if (cursor.takeWord('IS')) {
      const wanted = !cursor.takeWord('NOT')
      cursor.expectWord('NULL')
      return (scope, row) => ofTruth((operand(scope, row) === null) === wanted)
    }
    const wanted = !cursor.takeWord('NOT')
    const turned = (truth: boolean | null): Value =>
      ofTruth(truth === null ? null : truth === wanted)
    if (cursor.takeWord('IN')) {
      cursor.expectSymbol('(')
      const options = this.list()
      return (scope, row) => {
        const value = operand(scope, row)
        if (value === null) return null
        return turned(options.some((option) => compare(value, option(scope, row)) === 0))
      }
    }
    cursor.expectWord('LIKE')
    const pattern = this.parse(COMPARISON_PRECEDENCE + 1)
    return (scope, row) => {
      const [text, wild] = [textOf(operand(scope, row)), textOf(pattern(scope, row))]
      return text === null || wild === null ? null : turned(isLike(text, wild))
    }
  }

  #operand(): Expression {
    this.#count()
    const token = this.#cursor.next()
    switch (token.kind) {
      case 'number':
        return constant(numberOfToken(token))
      case 'string':
        return this.#text(token.text)
      case 'user':
        return userVariable(token.text.toLowerCase())
      case 'system':
        return systemVariable(token.text)
      case 'word':
      case 'quoted':
        return this.#named(token)
      case 'symbol':
        return this.#signed(token)
      case 'end':
        throw this.#refuse(token)
    }
  }

  /** Texts that follow each other are one, with the first as the name of its column. */
  #text(first: string): Expression {
    let text = first
    while (this.#cursor.token.kind === 'string') text += this.#cursor.next().text
    return Object.assign(constant(text), { title: first })
  }

  #signed(token: Token): Expression {
    if (token.text === '(') {
      const inner = this.parse()
      this.#cursor.expectSymbol(')')
      return inner
    }
    if (token.text === '+') return this.parse(UNARY_PRECEDENCE)
    if (token.text === '-') {
      const operand = this.parse(UNARY_PRECEDENCE)
      return (scope, row) => {
        const value = operand(scope, row)
        return value === null ? null : -numberOf(value)
      }
    }
    if (token.text === '!') return this.#not(UNARY_PRECEDENCE)
    throw this.#refuse(token)
  }

  #not(precedence: number): Expression {
    const operand = this.parse(precedence)
    return (scope, row) => {
      const truth = truthOf(operand(scope, row))
      return ofTruth(truth === null ? null : !truth)
    }
  }

  #named(token: Token): Expression {
    const cursor = this.#cursor
    const keyword = token.kind === 'word' ? token.text.toUpperCase() : ''
    if (keyword === 'NOT') return this.#not(NOT_PRECEDENCE)
    if (keyword === 'NULL') return constant(null)
    if (keyword === 'TRUE') return constant(1n)
    if (keyword === 'FALSE') return constant(0n)
    if (cursor.takeSymbol('(')) return this.#call(token.text, this.list())
    if (WITHOUT_PARENTHESES.includes(keyword)) return this.#call(keyword, [])
    let name = token.text
    while (cursor.takeSymbol('.')) name = cursor.expectName()
    return columnNamed(name)
  }

  #call(name: string, values: readonly Expression[]): Expression {
    if (/^wait_for_executed_gtid_set$/i.test(name)) return this.#wait(values)
    const call: Expression = (scope, row) =>
      callFunction(
        name,
        values.map((value) => value(scope, row)),
        scope,
      )
    const shape = /^(?:ifnull|coalesce)$/i.test(name) ? values.at(-1)?.shape : shapeOfFunction(name)
    return Object.assign(call, { shape })
  }

  #wait(values: readonly Expression[]): Expression {
    if (!this.#mayWait) {
      throw new SqlError(1235, '42000', 'WAIT_FOR_EXECUTED_GTID_SET is supported in SELECT only')
    }
    let result: Value = null
    this.waits.push(async (scope) => {
      result = await waitForGtidSet(
        values.map((value) => value(scope)),
        scope,
      )
    })
    return () => result
  }

  #count(): void {
    this.#parts += 1
    if (this.#parts > PARTS_MOST) {
      throw new SqlError(1436, 'HY000', `Expressions of more than ${PARTS_MOST} parts are not read`)
    }
  }

  #refuse(token: Token): Error {
    if (token.kind !== 'end') this.#cursor.back(this.#cursor.index - 1)
    return this.#cursor.error()
  }
}

/** Functions that may be written without their parentheses. */
const WITHOUT_PARENTHESES: readonly string[] = [
  'CURRENT_USER',
  'CURRENT_TIMESTAMP',
  'CURRENT_DATE',
  'CURRENT_TIME',
  'LOCALTIME',
  'LOCALTIMESTAMP',
  'UTC_TIMESTAMP',
  'UTC_DATE',
  'UTC_TIME',
]

function columnNamed(name: string): Expression {
  const column = name.toLowerCase()
  const read: Expression = (_, row) => {
    const value = row?.(column)
    if (value !== undefined) return value
    const place = row === undefined ? 'field list' : 'where clause'
    throw new SqlError(1054, '42S22', `Unknown column '${name}' in '${place}'`)
  }
  return Object.assign(read, { column })
}

function userVariable(name: string): Expression {
  const read: Expression = (scope) => scope.session.userVariables.get(name) ?? null
  // MySQL keeps a text without limit.
  const shape: Expression['shape'] = (column, value) =>
    typeof value === 'string' ? longTextColumn(column, value.length) : undefined
  return Object.assign(read, { shape })
}

function systemVariable(name: string): Expression {
  const read: Expression = (scope) => readSystemVariable(name, scope)
  return Object.assign(read, { shape: shapeOfSystemVariable(name) })
}

function constant(constantValue: Value): Expression {
  const shape: Expression['shape'] = (name, value) => {
    if (typeof value === 'bigint') return integerColumn(name)
    return typeof value === 'string' ? nameColumn(name, value.length) : undefined
  }
  return Object.assign(() => constantValue, { shape })
}

const DIGITS_EXACT_MOST = 20

function numberOfToken({ text }: Token): Value {
  const whole = /^(\d+|0x[0-9a-f]+)$/i.test(text) && text.length <= DIGITS_EXACT_MOST
  return whole ? BigInt(text) : Number(text)
}
