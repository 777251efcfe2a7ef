import type { Run } from './figures.ts'
import type { Measured } from './scenario.ts'

export interface Party {
  readonly who: string
  readonly run: () => Promise<Run>
}

export interface Rounds {
  readonly repeats: number
  /** rounds before the first that counts */
  readonly warmUps?: number
}

/** Every party once in every round, each round beginning with another one. */
export async function alternate(
  what: string,
  parties: readonly Party[],
  { repeats, warmUps = 0 }: Rounds,
): Promise<Measured[]> {
  const measured = parties.map(({ who }) => ({ what, who, runs: [] as Run[] }))
  for (let round = -warmUps; round < repeats; round += 1) {
    for (let turn = 0; turn < parties.length; turn += 1) {
      const index = (round + warmUps + turn) % parties.length
      const party = parties[index]
      if (party === undefined) continue
      const run = await party.run().catch((cause: unknown) => {
        throw new Error(`${what} with ${party.who}: ${String(cause)}`, { cause })
      })
      if (round >= 0) measured[index]?.runs.push(run)
    }
  }
  return measured
}
