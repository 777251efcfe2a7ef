import { afterEach, expect, test } from 'vitest'
import { endEverything } from '../e2e/harness/child.ts'
import { readPrepared } from './prepared.ts'
import { TAGLESS } from './servers.ts'
import { tellStory } from './story.ts'

afterEach(endEverything)

const prepared = readPrepared()
const ready = prepared.filter(({ state }) => state === 'ready')

test('what can be had here was looked for', () => {
  expect(prepared).not.toEqual([])
})

for (const { title, client, hasNames } of ready) {
  test(`Kingbus tells what the source tells: ${title}`, async () => {
    const told = await tellStory(client)
    expect(told.length).toBeGreaterThanOrEqual(9)
    expect(told.some((line) => line.includes('extra'))).toBe(hasNames)
  })
}

const choking = ready.find(({ client }) => client.name === 'binlog-client')

if (choking !== undefined) {
  test(`as a user from whom tags are hidden, it follows a source that has them: ${choking.title}`, async () => {
    // As any other user it begins again and again at the first file that tells of a GTID with a tag.
    const told = await tellStory(choking.client, { onlyAs: TAGLESS, tagged: true })
    expect(told).toHaveLength(9)
  })
}
