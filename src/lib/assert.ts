import { InvariantError } from './errors.ts'

/** States what must hold here. One condition each; a false one is our bug, never a peer's. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/** The value, which the code knows to be there although its type does not say so. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new InvariantError(`${what} is missing`)
  return value
}
