import { expect, test } from 'vitest'
import { present, silentLogger } from '../../src/lib/index.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { SimulatedClock } from '../../src/platform/testing/simulated-clock.ts'
import { type Holdings, SOURCE_LIMITS, SourceLink } from '../../src/source/index.ts'
import { SourceHistory } from './source/history.ts'
import { SourceServer } from './source/server.ts'

const DAY_SECONDS = 86_400

/** All but the time of the last transaction is the same each time. */
function historyWithLastOn(day: number): SourceHistory {
  let seconds = 0
  const history = new SourceHistory(new SeededRandom(11), () => seconds)
  for (let left = 5; left > 0; left -= 1) history.commit()
  seconds = day * DAY_SECONDS
  history.commit()
  return history
}

/** What is held of it by who has all. */
function holdingsOf(history: SourceHistory): Holdings {
  const { active, uuid } = history
  const { name: file, size, events } = active
  const lastBut = present(
    events.findLast(({ gtid, end }) => gtid !== undefined && end < size),
    'the last transaction but one',
  )
  const last = present(
    events.find(({ position }) => position === lastBut.end),
    'the GTID event of the last one',
  )
  return {
    sourceUuid: uuid,
    form: 'mirrored',
    next: { file, position: size },
    held: history.executed(),
    last: {
      place: { file, position: last.position },
      event: Buffer.from(active.bytes.view(last.position, last.end)),
    },
  }
}

/** Begins a dump of the source behind what is held; where it begins, or why not. */
async function beginDump(source: SourceHistory, held: Holdings): Promise<unknown> {
  const time = new SimulatedClock()
  const clock = time.process()
  const random = new SeededRandom(12)
  const server = new SourceServer(source, clock, random)
  server.cuts = false
  const link = new SourceLink(
    {
      address: {
        dial: () => server.connect(clock),
        host: 'source',
        port: 3306,
        user: 'repl',
        password: () => 'secret',
        tls: { mode: 'disabled', authorities: () => undefined },
      },
      self: { serverId: 2, uuid: 'aaaaaaaa-0000-4000-8000-000000000002' },
      startAt: 'oldest',
      semiSync: false,
      // mysql2 measures these two by the machine's own clock.
      limits: { ...SOURCE_LIMITS, connectMs: 0, queryMs: 0 },
      clock,
      random,
    },
    silentLogger,
  )
  const stop = new AbortController()
  const begun: { as?: unknown } = {}
  const opening = link.open(held, stop.signal).then(
    ({ at, continues, stream }) => {
      begun.as = { at, continues }
      stream.close()
    },
    (thrown: unknown) => {
      begun.as = thrown
    },
  )
  while (begun.as === undefined) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    time.step()
  }
  await opening
  clock.die()
  return begun.as
}

test('a source that has our last transaction to the byte is gone on with', async () => {
  const held = holdingsOf(historyWithLastOn(1))
  expect(await beginDump(historyWithLastOn(1), held)).toEqual({ at: held.next, continues: true })
})

test('a source that gave the GTID of our last transaction to another one is refused', async () => {
  const ours = holdingsOf(historyWithLastOn(1))
  const others = historyWithLastOn(2)
  // It lacks nothing of what is held, and its file is as long.
  expect(holdingsOf(others)).toMatchObject({ next: ours.next, held: ours.held })
  expect(await beginDump(others, ours)).toMatchObject({ code: 'E_SOURCE_DIVERGED' })
})
