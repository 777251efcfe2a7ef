import { statSync } from 'node:fs'
import { join } from 'node:path'
import { compareBinlogs } from '../../test/e2e/harness/compare.ts'
import { alternate } from '../alternate.ts'
import { BenchCluster } from '../cluster/bench-cluster.ts'
import type { Corpus, Shape } from '../corpus.ts'
import type { Run } from '../figures.ts'
import { writtenBytes } from '../process-usage.ts'
import type { Goal, Measured, Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'
import { ingestByMysqlbinlog, settleDisk, waitForEnd } from '../taking-in.ts'

const what = 'ingest by three'
const megabytesMost = 250
const writtenPerByteMost = 1.2

const rateGoals: Goal[] = (
  [
    ['big', 0.15],
    ['small', 0.4],
  ] as const satisfies readonly (readonly [Shape, number])[]
).map(([shape, least]) => ({
  what,
  says: "three nodes, ingest: MB/s by mysqlbinlog's",
  shapes: [shape],
  figure: (of) =>
    of('kingbus', 'megabytesPerSecond').median / of('mysqlbinlog', 'megabytesPerSecond').median,
  least,
}))

const goals: Goal[] = [
  ...rateGoals,
  {
    what,
    says: 'three nodes, ingest: MB of memory of any of them, at most',
    figure: (of) => of('kingbus', 'peakMegabytes').most,
    most: megabytesMost,
  },
  {
    what,
    says: 'three nodes, ingest: bytes written per byte stored by any of them and its etcd, at most',
    figure: (of) => of('kingbus', 'writtenPerByte').most,
    most: writtenPerByteMost,
  },
]

/** Ends when every node shows the end, which each does when all before is durable on all. */
async function ingestByCluster(corpus: Corpus, cluster: BenchCluster): Promise<Run> {
  const leader = await cluster.settled()
  const { nodes } = cluster
  const etcds = await cluster.etcds()
  const written = (): number[] =>
    nodes.map(({ pid }, at) => writtenBytes(pid) + writtenBytes(etcds[at] ?? 0))
  const before = { cpu: cluster.cpuSeconds(), written: written() }
  await leader.startSource()
  await Promise.all(nodes.map((node) => waitForEnd(node, corpus.end)))
  const endedMs = Date.now()
  const beganMs = statSync(join(leader.binlogFolder, corpus.file)).birthtimeMs
  return {
    megabytesPerSecond: corpus.bytes / (endedMs - beganMs) / 1e3,
    cpu: (cluster.cpuSeconds() - before.cpu) / (corpus.bytes / 1e9),
    peakMegabytes: Math.max(...nodes.map((node) => node.memory().peakBytes)) / 1e6,
    writtenPerByte:
      Math.max(...written().map((bytes, at) => bytes - (before.written[at] ?? 0))) / corpus.bytes,
  }
}

/** A fresh cluster that has not seen its source yet. */
async function startEmpty({ server }: Corpus): Promise<BenchCluster> {
  server.freeze()
  try {
    const flags = { 'source-start-at': 'oldest' }
    const cluster = await BenchCluster.start(server, { flags })
    await (await cluster.settled()).stopSource()
    return cluster
  } finally {
    server.thaw()
  }
}

async function measure({ corpus, folder, repeats }: Stage): Promise<Measured[]> {
  const byCluster = async (): Promise<Run> => {
    const cluster = await startEmpty(corpus)
    try {
      settleDisk(folder)
      const run = await ingestByCluster(corpus, cluster)
      for (const node of cluster.nodes) {
        const { differences } = await compareBinlogs(corpus.server, node)
        if (differences.length > 0)
          throw new Error(`a node differs: ${JSON.stringify(differences)}`)
      }
      return run
    } finally {
      await cluster.stopAndRemove()
    }
  }
  const byMysqlbinlog = (): Promise<Run> => {
    settleDisk(folder)
    return ingestByMysqlbinlog(corpus)
  }
  const parties = [
    { who: 'mysqlbinlog', run: byMysqlbinlog },
    { who: 'kingbus', run: byCluster },
  ]
  return await alternate(what, parties, { repeats })
}

export const clusterIngest: Scenario = {
  name: 'cluster-ingest',
  measures:
    'taking in by a cluster of three, until every node shows the end, beside mysqlbinlog --raw: all nodes and their ' +
    'members of etcd share the cores and the disk of this machine; CPU is that of the three nodes, memory and what ' +
    'is written are those of the node that needs most',
  shapes: ['big', 'small'],
  goals,
  run: async (stage) => {
    await stage.removeKingbus()
    return await measure(stage)
  },
}
