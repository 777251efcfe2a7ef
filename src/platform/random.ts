import { randomBytes, randomUUID } from 'node:crypto'

/** Randomness as the rest of Kingbus sees it; a seeded one takes its place in tests. */
export interface Random {
  /** a number in [0, 1) */
  fraction(): number
  bytes(size: number): Buffer
  uuid(): string
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  bytes: (size) => randomBytes(size),
  uuid: () => randomUUID(),
}
