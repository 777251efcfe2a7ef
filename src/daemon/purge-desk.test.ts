import { expect, test } from 'vitest'
import { PurgeDesk, type PurgeDeskParts } from './purge-desk.ts'

type Answer = (body: unknown) => Promise<unknown>

/** Nodes of a cluster that leave the purge to the first of them, as far as a desk sees them. */
function cluster(names: readonly [leader: string, ...others: string[]]) {
  const purged: string[] = []
  const answers = new Map<string, Answer>()
  const desks = names.map((name) => {
    const node = {
      name,
      leader: names[0],
      management: { handle: (_: string, answer: Answer) => void answers.set(name, answer) },
      askLeader: async (_: string, body: unknown) => await answers.get(names[0])?.(body),
    }
    const parts = {
      cluster: { node },
      journal: { purge: async (upTo: string) => void purged.push(`${name} ${upTo}`) },
    }
    return new PurgeDesk(parts as unknown as PurgeDeskParts)
  })
  return { desks, purged, answers }
}

test('whichever node is asked, the one that leads purges', async () => {
  const { desks, purged } = cluster(['one', 'two', 'three'])
  for (const desk of desks) await desk.purge('binlog.000007')
  expect(purged).toEqual(['one binlog.000007', 'one binlog.000007', 'one binlog.000007'])
})

test('another node that names no file is refused', async () => {
  const { answers, purged } = cluster(['one', 'two'])
  await expect(answers.get('one')?.(7)).rejects.toMatchObject({ code: 'E_PEER_VERSION' })
  expect(purged).toEqual([])
})

test('a node that is alone purges by itself', async () => {
  const purged: string[] = []
  const journal = { purge: async (upTo: string) => void purged.push(upTo) }
  await new PurgeDesk({ cluster: undefined, journal }).purge('binlog.000007')
  expect(purged).toEqual(['binlog.000007'])
})
