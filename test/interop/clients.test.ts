import { afterEach, expect, test } from 'vitest'
import { endEverything } from '../e2e/harness/child.ts'
import { readPrepared } from './prepared.ts'
import { tellStory } from './story.ts'

afterEach(endEverything)

const prepared = readPrepared()

test('what can be had here was looked for', () => {
  expect(prepared).not.toEqual([])
})

for (const { title, client, hasNames } of prepared.filter(({ state }) => state === 'ready')) {
  test(`Kingbus tells what the source tells: ${title}`, async () => {
    const told = await tellStory(client)
    expect(told.length).toBeGreaterThanOrEqual(9)
    expect(told.some((line) => line.includes('extra'))).toBe(hasNames)
  })
}
