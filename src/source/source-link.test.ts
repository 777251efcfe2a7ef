import { expect, test } from 'vitest'
import { silentLogger } from '../lib/index.ts'
import { dial, systemClock, systemRandom } from '../platform/index.ts'
import { SOURCE_LIMITS } from './source-limits.ts'
import { SourceLink } from './source-link.ts'

const NOW_SECONDS = 1_800_000_000

function linkAt(received: readonly [string, number], sourceEnd: readonly [string, number]) {
  const link = new SourceLink(
    {
      address: {
        dial,
        host: '127.0.0.1',
        port: 1,
        user: 'repl',
        password: () => '',
        tls: { mode: 'disabled', authorities: () => undefined },
      },
      self: { serverId: 2, uuid: 'aaaaaaaa-0000-4000-8000-000000000002' },
      startAt: 'oldest',
      semiSync: false,
      limits: SOURCE_LIMITS,
      clock: { ...systemClock, nowMs: () => NOW_SECONDS * 1000 },
      random: systemRandom,
    },
    silentLogger,
  )
  link.progress.place = { file: received[0], position: received[1] }
  link.progress.sourceEnd = { file: sourceEnd[0], position: sourceEnd[1] }
  link.progress.newestTimestamp = NOW_SECONDS - 7
  return link
}

test.each([
  ['in the same file', ['binlog.000009', 4], ['binlog.000009', 5], 7],
  ['a file behind', ['binlog.000009', 900], ['binlog.000010', 4], 7],
  ['behind where the number gets a digit more', ['binlog.999999', 900], ['binlog.1000000', 4], 7],
  ['ahead of what the source said last', ['binlog.1000000', 4], ['binlog.999999', 900], 0],
  ['at its end', ['binlog.000009', 5], ['binlog.000009', 5], 0],
] as const)('the lag %s', (_, received, sourceEnd, seconds) => {
  expect(linkAt(received, sourceEnd).lagSeconds()).toBe(seconds)
})
