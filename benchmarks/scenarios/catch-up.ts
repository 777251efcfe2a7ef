import { alternate } from '../alternate.ts'
import { connectionCount, writeSmall } from '../corpus.ts'
import type { Run } from '../figures.ts'
import type { Scenario } from '../scenario.ts'
import { percentilesOf, spreadOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { follow, withDurableSource, withServer } from './live.ts'

const clientsAtTheEnd = 7
/** Together the connections commit about 350 times a second. */
const pauseSeconds = 0.02
const transactionsAtScale1 = 350
/** What "stays in milliseconds" means here, for all but one of a hundred. */
const delayMsMost = 10

const what = 'seven at the end, one far behind'

/** One replica reads all the source has, again and again, as long as the seven are watched. */
async function catchUpRun(stage: Stage, who: 'mysqld' | 'kingbus'): Promise<Run> {
  const { corpus, pool, scale } = stage
  const perConnection = Math.max(5, Math.round(transactionsAtScale1 * Math.min(1, scale)))
  return await withServer(stage, who, async (server) => {
    const rates: number[] = []
    const lanes = [{ position: 4, bytesLeast: corpus.bytes }]
    const clients = await follow(stage, server, clientsAtTheEnd, async () => {
      const written = new AbortController()
      const writing = writeSmall(corpus.server, perConnection, pauseSeconds).finally(() => {
        written.abort()
      })
      do {
        const { run } = await pool.run(server, { file: corpus.file, lanes, passes: 1 })
        rates.push(run.megabytesPerSecond ?? Number.NaN)
      } while (!written.signal.aborted)
      await writing
      return perConnection * connectionCount
    })
    const delays = clients.flatMap(({ arrived, committed }) => {
      return arrived.map((micros, index) => (micros - (committed[index] ?? Number.NaN)) / 1000)
    })
    return { ...percentilesOf(delays), megabytesPerSecond: spreadOf(rates).median }
  })
}

export const catchUp: Scenario = {
  name: 'catch-up',
  measures:
    'seven replicas at the end while the source writes 350 transactions a second and an eighth reads all there ' +
    'is, again and again: from the time in the GTID event to the arrival of the last event; MB/s: of the eighth',
  shapes: ['small'],
  goals: [
    {
      what,
      says: 'catching up beside seven at the end: their p99, ms',
      figure: (of) => of('kingbus', 'p99Ms').median,
      most: delayMsMost,
    },
  ],
  run: (stage) =>
    withDurableSource(stage, () => {
      const parties = (['mysqld', 'kingbus'] as const).map((who) => ({
        who,
        run: () => catchUpRun(stage, who),
      }))
      return alternate(what, parties, { repeats: stage.repeats })
    }),
}
