import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'

/**
 * Something that takes bytes of a stranger, and what must be true of it whatever they are. A target
 * returns when all is well, throws a Refusal of its own kind when it refuses the bytes, and anything
 * else is a finding.
 */
export interface Target {
  readonly name: string
  /** names exported by src/mysql/index.ts that this target feeds */
  readonly covers: readonly string[]
  /** valid inputs, made once */
  readonly seeds: () => readonly Buffer[]
  /**
   * Throws Finding when something about the result is wrong.
   * @param random for what the target itself leaves to chance: where input is cut, which option is set
   */
  readonly run: (input: Buffer, random: SeededRandom) => void | Promise<void>
  /** for text: words that mean something to what reads it */
  readonly words?: readonly string[]
  /** longer inputs are cut off here; default: 256 KiB */
  readonly bytesMost?: number
  /** memory that an input may take, when that is more than usual: what the target itself promises */
  readonly memoryBytesMost?: number
  /** Puts checksums right, so that a changed input is not refused for them alone. */
  readonly repair?: (input: Buffer) => Buffer
  /** whether the error is how this target refuses bytes; default: a ProtocolError */
  readonly refuses?: (thrown: unknown) => boolean
}

/** A promise that does not hold: the bytes were taken, and the result is wrong. */
class Finding extends Error {
  override readonly name = 'Finding'
}

export function require(condition: boolean, promise: string): void {
  if (!condition) throw new Finding(promise)
}
