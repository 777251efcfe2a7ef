import { pause } from '../../test/e2e/harness/wait.ts'
import { alternate } from '../alternate.ts'
import { realTimeClock } from '../client/real-time.ts'
import type { Run } from '../figures.ts'
import type { Measured, Scenario } from '../scenario.ts'
import { percentilesOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { follow, withDurableSource, withServer } from './live.ts'

const betweenMs = 20
const transactionsAtScale1 = 400
const transactionsLeast = 20

interface Delays {
  readonly fromCommitTime: Run
  readonly fromCommitReturn: Run
}

/** One client commits one row at a time; one replica waits for it. */
async function loneRun(stage: Stage, who: 'mysqld' | 'kingbus'): Promise<Delays> {
  const { corpus, scale } = stage
  const count = Math.max(transactionsLeast, Math.round(transactionsAtScale1 * Math.min(1, scale)))
  const returned: number[] = []
  const [arrivals] = await withServer(stage, who, (server) =>
    follow(stage, server, 1, async () => {
      const now = realTimeClock()
      const connection = await corpus.server.connect()
      for (let number = 1; number <= count; number += 1) {
        await pause(betweenMs)
        await connection.query(`UPDATE bench.sbtest1 SET k = k + 1 WHERE id = ${number}`)
        returned.push(now())
      }
      await connection.end()
      return count
    }),
  )
  const delays = (from: readonly number[]): Run => {
    const arrived = arrivals?.arrived.slice(0, count) ?? []
    return percentilesOf(arrived.map((at, index) => (at - (from[index] ?? Number.NaN)) / 1000))
  }
  return { fromCommitTime: delays(arrivals?.committed ?? []), fromCommitReturn: delays(returned) }
}

export const lone: Scenario = {
  name: 'lone',
  measures:
    'a lone small transaction every 20 ms, durable at the source, until its last event is at a replica: from the ' +
    "time in its GTID event, and from the commit's return at the client (below zero: it was there before)",
  shapes: ['small'],
  goals: [],
  run: (stage) =>
    withDurableSource(stage, async () => {
      const second: Measured[] = []
      const parties = (['mysqld', 'kingbus'] as const).map((who) => {
        const runs: Run[] = []
        second.push({ what: "from the commit's return", who, runs })
        const run = async (): Promise<Run> => {
          const { fromCommitTime, fromCommitReturn } = await loneRun(stage, who)
          runs.push(fromCommitReturn)
          return fromCommitTime
        }
        return { who, run }
      })
      const first = await alternate("from the commit's time", parties, { repeats: stage.repeats })
      return [...first, ...second]
    }),
}
