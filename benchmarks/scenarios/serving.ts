import { alternate } from '../alternate.ts'
import type { Server, ServingRun } from '../client/client-pool.ts'
import type { Lane } from '../programs/dump-client.ts'
import type { Measured } from '../scenario.ts'
import type { Stage } from '../stage.ts'

/** So much is sent at least in one run: a single client then reads the file several times. */
const runBytesLeast = 800e6
/** Heartbeats and the events made up for the dump may differ; the events may not. */
const differenceMost = 4096

const fileBegin = 4

export interface Serving {
  readonly what: string
  /** where each client begins in the corpus's file */
  readonly positions: readonly number[]
  readonly tls?: boolean
}

/** One client and eight, all from the file's beginning; `how` stands behind their names. */
export async function measureOneAndEight(
  stage: Stage,
  how: string,
  tls = false,
): Promise<Measured[]> {
  const measured: Measured[] = []
  for (const clients of [1, 8]) {
    const positions = Array.from({ length: clients }, () => fileBegin)
    measured.push(
      ...(await measureServing(stage, { what: `serve ${clients}${how}`, positions, tls })),
    )
  }
  return measured
}

/** Kingbus and mysqld by turns; one round is for warming up and is not counted. */
export async function measureServing(
  stage: Stage,
  { what, positions, tls = false }: Serving,
): Promise<Measured[]> {
  const { corpus, pool, repeats, scale } = stage
  const lanes: Lane[] = positions.map((position) => {
    return { position, bytesLeast: corpus.bytes - position }
  })
  const bytes = lanes.reduce((sum, { bytesLeast }) => sum + bytesLeast, 0)
  const passes = Math.max(1, Math.round((runBytesLeast * Math.min(1, scale)) / bytes))
  const runs: ServingRun[] = []
  const serve = (server: Server) => async () => {
    const served = await pool.run(server, { file: corpus.file, lanes, passes, tls })
    runs.push(served)
    return served.run
  }
  const parties = [
    { who: 'mysqld', run: serve(corpus.server) },
    { who: 'kingbus', run: serve(await stage.kingbus()) },
  ]
  const measured = await alternate(what, parties, { repeats, warmUps: 1 })
  checkSameWork(runs)
  return measured
}

function checkSameWork(runs: readonly ServingRun[]): void {
  const ciphers = new Set(runs.map(({ cipher }) => cipher))
  if (ciphers.size > 1) throw new Error(`the ciphers differ: ${[...ciphers].join(', ')}`)
  const dumps = runs.map(({ dumpBytes }) => dumpBytes.flat())
  for (const [index] of dumps[0]?.entries() ?? []) {
    const sizes = dumps.map((sizesOfRun) => sizesOfRun[index] ?? Number.NaN)
    if (Math.max(...sizes) - Math.min(...sizes) < differenceMost) continue
    throw new Error(`the dumps of one binlog have different sizes: ${sizes.join(', ')}`)
  }
}
