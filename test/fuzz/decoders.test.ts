import { beforeAll, describe, expect, test } from 'vitest'
import * as mysql from '../../src/mysql/index.ts'
import { type Crash, fuzzTarget, inputOf, runKept, startsOf } from './fuzz-run.ts'
import { makeStoredFolder } from './targets/stored-folder.ts'
import { TARGETS, targetOf } from './targets.ts'

/** Another seed finds other things: `npm run soak -- fuzz decoders` takes one every time. */
const SEED = 20_261_123
/** Of each target; the slow ones stop at their time. */
const INPUTS = 1500
const TARGET_MS = 250

beforeAll(makeStoredFolder)

function describeCrash(crash: Crash | undefined): unknown {
  if (crash === undefined) return undefined
  const { target, seed, index, thrown } = crash
  const again = `npm run soak -- fuzz decoders --target ${target} --seed ${seed} --input ${index}`
  return { thrown, again, stack: thrown instanceof Error ? thrown.stack : undefined }
}

describe.each(TARGETS)('$name', (target) => {
  test('keeps its promises for valid inputs, and for what once broke it', async () => {
    const { crash, taken } = await runKept(target)
    expect(describeCrash(crash)).toBeUndefined()
    expect(taken).toBeGreaterThan(0)
  })

  test('answers whatever it is fed with a value or its own refusal', async () => {
    const until = performance.now() + TARGET_MS
    const goOn = (index: number): boolean => index < INPUTS && performance.now() < until
    expect(describeCrash(await fuzzTarget(target, { seed: SEED, from: 0, goOn }))).toBeUndefined()
  })
})

test('the canary, which trusts a length, is caught and its input can be made again', async () => {
  const canary = targetOf('canary')
  const crash = await fuzzTarget(canary, { seed: SEED, from: 0, goOn: (index) => index < 1000 })
  expect(crash?.thrown).toBeInstanceOf(RangeError)
  expect(inputOf(canary, startsOf(canary), SEED, crash?.index ?? -1)).toEqual(crash?.input)
})

test('nothing that src/mysql gives to others and that reads bytes is left out', () => {
  // What writes, and what takes no stranger's bytes.
  const writes = /^(encode|make|rewrite|uuidOfServerId$|Writer$)/
  const readers = Object.entries(mysql)
    .filter(([name, value]) => typeof value === 'function' && !writes.test(name))
    .map(([name]) => name)
  const covered = new Set(TARGETS.flatMap(({ covers }) => covers))
  expect(readers.filter((name) => !covered.has(name))).toEqual([])
  expect([...covered].filter((name) => !(name in mysql))).toEqual([])
})
