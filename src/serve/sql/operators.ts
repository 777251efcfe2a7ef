import type { Token } from './tokenizer.ts'
import { compare, numberOf, ofTruth, truthOf, type Value } from './value.ts'

/** A sum is not part of an expression that is parsed from this precedence on. */
export const BINDS_MORE_THAN_SUMS = 9

/** An operator between two operands; a higher precedence binds first. */
export interface Operator {
  readonly precedence: number
  readonly apply: (left: Value, right: Value) => Value
}

const tested =
  (holds: (order: number) => boolean) =>
  (left: Value, right: Value): Value => {
    const order = compare(left, right)
    return ofTruth(order === null ? null : holds(order))
  }

const counted =
  (whole: (left: bigint, right: bigint) => Value, broken: (left: number, right: number) => Value) =>
  (left: Value, right: Value): Value => {
    if (left === null || right === null) return null
    const [one, other] = [numberOf(left), numberOf(right)]
    return typeof one === 'bigint' && typeof other === 'bigint'
      ? whole(one, other)
      : broken(Number(one), Number(other))
  }

const onBits = (combine: (left: bigint, right: bigint) => bigint): Operator['apply'] =>
  counted(
    (left, right) => BigInt.asUintN(64, combine(left, right)),
    (left, right) => BigInt.asUintN(64, combine(wholeOf(left), wholeOf(right))),
  )

/** What has no whole number, infinity and what comes of it, counts as 0. */
function wholeOf(value: number): bigint {
  return Number.isFinite(value) ? BigInt(Math.round(value)) : 0n
}

function or(left: Value, right: Value): Value {
  const [one, other] = [truthOf(left), truthOf(right)]
  if (one === true || other === true) return 1n
  return one === null || other === null ? null : 0n
}

function and(left: Value, right: Value): Value {
  const [one, other] = [truthOf(left), truthOf(right)]
  if (one === false || other === false) return 0n
  return one === null || other === null ? null : 1n
}

const divided = (left: Value, right: Value): Value => {
  if (left === null || right === null || Number(numberOf(right)) === 0) return null
  return Number(numberOf(left)) / Number(numberOf(right))
}

const equal = tested((order) => order === 0)
const unequal = tested((order) => order !== 0)

const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ['OR', { precedence: 1, apply: or }],
  ['||', { precedence: 1, apply: or }],
  ['AND', { precedence: 2, apply: and }],
  ['&&', { precedence: 2, apply: and }],
  ['=', { precedence: 4, apply: equal }],
  [
    '<=>',
    { precedence: 4, apply: (left, right) => ofTruth(left === right || equal(left, right) === 1n) },
  ],
  ['<>', { precedence: 4, apply: unequal }],
  ['!=', { precedence: 4, apply: unequal }],
  ['<', { precedence: 4, apply: tested((order) => order < 0) }],
  ['<=', { precedence: 4, apply: tested((order) => order <= 0) }],
  ['>', { precedence: 4, apply: tested((order) => order > 0) }],
  ['>=', { precedence: 4, apply: tested((order) => order >= 0) }],
  ['|', { precedence: 5, apply: onBits((left, right) => left | right) }],
  ['&', { precedence: 6, apply: onBits((left, right) => left & right) }],
  [
    '+',
    {
      precedence: 8,
      apply: counted(
        (left, right) => left + right,
        (left, right) => left + right,
      ),
    },
  ],
  [
    '-',
    {
      precedence: 8,
      apply: counted(
        (left, right) => left - right,
        (left, right) => left - right,
      ),
    },
  ],
  [
    '*',
    {
      precedence: 9,
      apply: counted(
        (left, right) => left * right,
        (left, right) => left * right,
      ),
    },
  ],
  ['/', { precedence: 9, apply: divided }],
])

export function binaryOperator(token: Token): Operator | undefined {
  if (token.kind === 'symbol') return OPERATORS.get(token.text)
  if (token.kind === 'word') return OPERATORS.get(token.text.toUpperCase())
  return undefined
}
