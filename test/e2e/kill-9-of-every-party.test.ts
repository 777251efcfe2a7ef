import { afterAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { runUpheaval } from './harness/upheaval-run.ts'

afterAll(endEverything)

// A longer run by hand: npm run soak -- --seed 81723 --rounds 1000
test('killing, stopping and cutting off every party under load loses, doubles and reorders nothing', async () => {
  const lines: string[] = []
  const plan = {
    seed: 20_261_123,
    rounds: 12,
    compareEvery: 6,
    say: (line: string) => lines.push(line),
  }
  const result = await runUpheaval(plan).catch((thrown: unknown) => {
    throw new Error(`after:\n${lines.join('\n')}`, { cause: thrown })
  })
  expect(result.differences, lines.join('\n')).toEqual([])
  expect(result.committed).toBeGreaterThan(500)
})
