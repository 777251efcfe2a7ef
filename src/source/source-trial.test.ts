import { expect, test } from 'vitest'
import { GtidSet } from '../mysql/index.ts'
import { compare } from './source-trial.ts'

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562'

function compared(held: string, there: { executed: string; owned?: string; purged?: string }) {
  const { lacking, ahead, missing } = compare(GtidSet.parse(held), {
    executed: GtidSet.parse(there.executed),
    owned: GtidSet.parse(there.owned ?? ''),
    purged: GtidSet.parse(there.purged ?? ''),
  })
  return [lacking, ahead, missing].map(String)
}

test('what is held here and not there is lacking, unless it only waits there to be committed', () => {
  expect(compared(`${A}:1-10`, { executed: `${A}:1-8` })).toEqual([`${A}:9-10`, '', ''])
  expect(compared(`${A}:1-10`, { executed: `${A}:1-9`, owned: `${A}:10` })).toEqual(['', '', ''])
})

test('what is there and not held here is ahead, and missing where it was purged', () => {
  const there = { executed: `${A}:1-12`, purged: `${A}:1-11` }
  expect(compared(`${A}:1-10`, there)).toEqual(['', `${A}:11-12`, `${A}:11`])
})
