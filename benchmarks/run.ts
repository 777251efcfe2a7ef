/*
  npm run bench [-- --corpus big,small,mixed] [--scale 1] [--repeats 5] [--save NAME]

  Kingbus beside a real MySQL on one binlog: taking it in, and serving it to 1 and to 8 clients. What is
  measured, and what is not: docs/internals/performance.md.
*/
import { mkdirSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endEverything } from '../test/e2e/harness/child.ts'
import { compareBinlogs } from '../test/e2e/harness/compare.ts'
import type { Kingbus } from '../test/e2e/harness/kingbus.ts'
import { cacheFolder } from '../test/e2e/harness/project.ts'
import { ClientPool, type ServingRun } from './client-pool.ts'
import { type Corpus, makeCorpus, type Shape, shapes, startEmptySource } from './corpus.ts'
import {
  appendToDisk,
  type Contender,
  contenders,
  type IngestRun,
  ingestByKingbus,
  ingestByMysqlbinlog,
  settleDisk,
  stopAndRemove,
} from './ingest.ts'
import { type Measured, machineFacts, saveResults, summarize, tableOf } from './report.ts'

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: shapes.join(',') },
    scale: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '5' },
    save: { type: 'string' },
  },
})

const bytesAtScale1: Record<Shape, number> = { big: 200e6, small: 100e6, mixed: 150e6 }
const clientCounts = [1, 8]
const scale = Number(values.scale)
const repeats = Number(values.repeats)
const chosen = shapes.filter((shape) => values.corpus.split(',').includes(shape))

// A data directory in memory would make the disk look endlessly fast.
const folder = join(cacheFolder, 'bench')
mkdirSync(folder, { recursive: true })
process.env['KINGBUS_TEST_FOLDER'] = folder

const began = performance.now()
function say(text: string): void {
  console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${text}`)
}

/** Every contender in every round, each round beginning with another one. */
async function measureIngest(corpus: Corpus): Promise<{ measured: Measured[]; kingbus: Kingbus }> {
  const runs: Record<Contender, IngestRun[]> = { disk: [], mysqlbinlog: [], kingbus: [] }
  let kept: Kingbus | undefined
  for (let round = 0; round < repeats; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      settleDisk(folder)
      const contender = contenders[(round + turn) % contenders.length]
      if (contender === 'disk') runs.disk.push(appendToDisk(corpus))
      else if (contender === 'mysqlbinlog') runs.mysqlbinlog.push(await ingestByMysqlbinlog(corpus))
      else {
        if (kept !== undefined) await stopAndRemove(kept)
        const { run, kingbus } = await ingestByKingbus(corpus)
        runs.kingbus.push(run)
        kept = kingbus
      }
    }
  }
  if (kept === undefined) throw new Error('--repeats must be 1 or more')
  const { differences } = await compareBinlogs(corpus.server, kept)
  if (differences.length > 0) {
    throw new Error(`the binlogs differ: ${JSON.stringify(differences)}`)
  }
  const measured = contenders.map((who) => {
    return { shape: corpus.shape, what: 'ingest', who, runs: runs[who].map((run) => ({ ...run })) }
  })
  return { measured, kingbus: kept }
}

/** Events are the same byte by byte; heartbeats and the events made up for the dump may differ. */
function checkSameBytes(runs: readonly ServingRun[]): void {
  const sizes = runs.map(({ dumpBytes }) => dumpBytes)
  if (Math.max(...sizes) - Math.min(...sizes) < 4096) return
  throw new Error(`the dumps of one binlog have different sizes: ${sizes.join(', ')}`)
}

/** Kingbus and mysqld by turns, each round beginning with the other one. */
async function measureServing(
  corpus: Corpus,
  kingbus: Kingbus,
  pool: ClientPool,
): Promise<Measured[]> {
  const measured: Measured[] = []
  for (const clients of clientCounts) {
    const servers = [
      { who: 'mysqld', server: corpus.server, runs: [] as ServingRun[] },
      { who: 'kingbus', server: kingbus, runs: [] as ServingRun[] },
    ]
    // One round is for warming up and is not counted.
    for (let round = 0; round <= repeats; round += 1) {
      const order = round % 2 === 0 ? servers : servers.toReversed()
      for (const { server, runs } of order) {
        const run = await pool.run(server, corpus, clients)
        if (round > 0) runs.push(run)
      }
    }
    checkSameBytes(servers.flatMap(({ runs }) => runs))
    for (const { who, runs } of servers) {
      const what = `serve ${clients}`
      measured.push({ shape: corpus.shape, what, who, runs: runs.map((run) => ({ ...run })) })
    }
  }
  return measured
}

async function measure(shape: Shape, pool: ClientPool): Promise<Measured[]> {
  const source = await startEmptySource()
  const corpus = await makeCorpus(source, shape, bytesAtScale1[shape] * scale)
  say(`${shape}: the source has ${(corpus.bytes / 1e6).toFixed(1)} MB`)
  const { measured, kingbus } = await measureIngest(corpus)
  say(`${shape}: ingest measured`)
  const serving = await measureServing(corpus, kingbus, pool)
  say(`${shape}: serving measured`)
  await stopAndRemove(kingbus)
  await source.stop()
  return [...measured, ...serving]
}

const pool = new ClientPool()
const machine = machineFacts()
const measured: Measured[] = []
try {
  for (const shape of chosen) measured.push(...(await measure(shape, pool)))
} finally {
  pool.close()
  await endEverything()
}
const results = summarize(measured)
console.log(`\n${JSON.stringify(machine)}\n\n${tableOf(results)}`)
if (values.save !== undefined) {
  const loadAtEnd = loadavg()[0]
  const date = new Date().toISOString()
  const path = saveResults(values.save, { date, machine, loadAtEnd, scale, repeats, results })
  console.log(`\nsaved as ${path}`)
}
