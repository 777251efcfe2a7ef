import { compareBinlogs } from '../../test/e2e/harness/compare.ts'
import { alternate, type Party } from '../alternate.ts'
import { shapes } from '../corpus.ts'
import type { Run } from '../figures.ts'
import type { Goal, Measured, Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'
import { appendToDisk, ingestByKingbus, ingestByMysqlbinlog, settleDisk } from '../taking-in.ts'

const writtenPerByteMost = 1.1
const peakMegabytesMost = 200

function goalsOf(what: string): Goal[] {
  return [
    {
      what,
      says: `${what}: MB/s by mysqlbinlog's, or by 0.9 of the disk's where that is less`,
      figure: (of) => {
        const rate = (who: string): number => of(who, 'megabytesPerSecond').median
        return rate('kingbus') / Math.min(rate('mysqlbinlog'), 0.9 * rate('disk'))
      },
      least: 1,
    },
    {
      what,
      says: `${what}: bytes written per byte stored, at most`,
      figure: (of) => of('kingbus', 'writtenPerByte').most,
      most: writtenPerByteMost,
    },
    {
      what,
      says: `${what}: MB of memory, at most`,
      figure: (of) => of('kingbus', 'peakMegabytes').most,
      most: peakMegabytesMost,
    },
  ]
}

/** The three by turns; the last Kingbus is compared with the source and stays for the benchmarks after. */
async function measureIngest(stage: Stage, what: string, tls: boolean): Promise<Measured[]> {
  const { corpus, folder, repeats } = stage
  await stage.removeKingbus()
  const byKingbus = async (): Promise<Run> => {
    await stage.removeKingbus()
    settleDisk(folder)
    const { run, kingbus } = await ingestByKingbus(corpus, tls)
    await stage.replaceKingbus(kingbus)
    return run
  }
  const settled = (run: () => Promise<Run>) => () => {
    settleDisk(folder)
    return run()
  }
  const parties: Party[] = [
    { who: 'disk', run: settled(() => appendToDisk(corpus)) },
    { who: 'mysqlbinlog', run: settled(() => ingestByMysqlbinlog(corpus, tls)) },
    { who: 'kingbus', run: byKingbus },
  ]
  const measured = await alternate(what, parties, { repeats })
  const { differences } = await compareBinlogs(corpus.server, await stage.kingbus())
  if (differences.length > 0) {
    throw new Error(`the binlogs differ: ${JSON.stringify(differences)}`)
  }
  return measured
}

export const ingest: Scenario = {
  name: 'ingest',
  measures: 'taking in, beside mysqlbinlog --raw (not durable, nothing checked) and the disk alone',
  shapes,
  goals: goalsOf('ingest'),
  run: (stage) => measureIngest(stage, 'ingest', false),
}

export const ingestTls: Scenario = {
  name: 'ingest-tls',
  measures: 'the same with TLS to the source (mysqlbinlog --ssl-mode=REQUIRED)',
  shapes,
  goals: goalsOf('ingest with TLS'),
  run: (stage) => measureIngest(stage, 'ingest with TLS', true),
}
