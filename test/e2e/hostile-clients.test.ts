import { afterAll, expect, test } from 'vitest'
import { runSessionFuzz } from '../fuzz/session/session-run.ts'
import { runSourceFuzz } from '../fuzz/session/source-run.ts'
import { endEverything } from './harness/child.ts'

// The same for as long as you like: npm run soak -- fuzz session|source
const SEED = 20_261_123
const SESSION_MS = 10_000
const SOURCE_MS = 6_000

afterAll(endEverything)

test('hostile clients cost themselves their connections, and nobody else anything', async () => {
  const result = await runSessionFuzz({ seed: SEED, ms: SESSION_MS, say: () => {} })
  expect(result.problems).toEqual([])
  expect(result.tally.packets).toBeGreaterThan(1000)
})

test('of what a source says that was spoilt on its way nothing is stored', async () => {
  const result = await runSourceFuzz({ seed: SEED, ms: SOURCE_MS, say: () => {} })
  expect(result.problems).toEqual([])
  expect(result.spoilt).toBeGreaterThan(10)
})
