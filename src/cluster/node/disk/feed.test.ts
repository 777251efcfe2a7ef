import { expect, test } from 'vitest'
import { SimulatedClock } from '../../../platform/testing/simulated-clock.ts'
import type { LogRecord, ReplicatedLog } from '../../../store/index.ts'
import type { PeerLink } from '../../link/index.ts'
import type { Message, News } from '../../protocol/messages.ts'
import { Feed } from './feed.ts'
import { RecentRecords } from './recent-records.ts'

function feed() {
  const clock = new SimulatedClock()
  const sent: Message[] = []
  const recent = new RecentRecords(1024)
  const log = { end: 0 }
  let news: News = { committed: 0, version: 1, round: 1 }
  const link = { queuedBytes: 0, send: (message: Message) => void sent.push(message) }
  const made = new Feed({
    link: link as unknown as PeerLink,
    log: log as unknown as ReplicatedLog,
    recent,
    news: () => news,
    clock: clock.process(),
  })
  made.begin(1, news)
  return {
    clock,
    sent,
    append: (sequence: number) => {
      const record: LogRecord = { ...RECORD, sequence }
      recent.add(record)
      log.end = sequence
      made.nudge()
    },
    tell: (more: Partial<News>) => {
      news = { ...news, ...more }
      made.nudge()
    },
    kinds: () => sent.splice(0).map(({ kind }) => kind),
  }
}

const RECORD = { epoch: 1, kind: 'epoch-start', crc: 0, end: 0, boundary: 0 } as const

test('tells at once that everything is committed', () => {
  const { append, tell, kinds } = feed()
  append(1)
  expect(kinds()).toEqual(['records'])
  tell({ committed: 1 })
  expect(kinds()).toEqual(['known'])
})

test('tells with the next records what is committed while more is on its way', () => {
  const { clock, append, tell, sent, kinds } = feed()
  append(1)
  append(2)
  kinds()
  tell({ committed: 1 })
  expect(kinds()).toEqual([])
  append(3)
  expect(sent).toMatchObject([{ kind: 'records', committed: 1 }])
  clock.step()
  expect(kinds()).toEqual(['records'])
})

test('tells it alone when no records come', () => {
  const { clock, append, tell, sent } = feed()
  append(1)
  append(2)
  sent.splice(0)
  tell({ committed: 1 })
  clock.step()
  expect(sent).toEqual([{ kind: 'known', committed: 1, version: 1, round: 1 }])
})

test('asks its question at once', () => {
  const { append, tell, kinds } = feed()
  append(1)
  append(2)
  kinds()
  tell({ round: 2 })
  expect(kinds()).toEqual(['known'])
})
