import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Kingbus } from '../e2e/harness/kingbus.ts'

/** What a process of Kingbus takes at one moment; bytes where nothing else is said. */
export interface ProcessSample {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
  readonly fds: number
  readonly threads: number
  readonly cpuSeconds: number
  /** since the scrape before */
  readonly loopDelayP99Ms: number
  /** series and comments: grows with every label that is never forgotten */
  readonly metricLines: number
  readonly replicas: number
  readonly lagBytesMost: number
  readonly files: number
  readonly diskBytes: number
}

function metric(page: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? Number.NaN)
}

/** Of the files in it, which may go while it looks. */
function folderBytes(folder: string): number {
  const sizes = readdirSync(folder).map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0,
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** @throws when the process ends meanwhile */
export async function sampleProcess(kingbus: Kingbus): Promise<ProcessSample> {
  const answer = await fetch(`${kingbus.adminUrl}/metrics`)
  const page = await answer.text()
  const proc = `/proc/${kingbus.pid}`
  const lags = [...page.matchAll(/^kingbus_replica_lag_bytes\{.*\} (\d+)$/gm)]
  return {
    rss: kingbus.memory().nowBytes,
    heapUsed: metric(page, 'nodejs_heap_size_used_bytes'),
    external: metric(page, 'nodejs_external_memory_bytes'),
    fds: readdirSync(`${proc}/fd`).length,
    threads: readdirSync(`${proc}/task`).length,
    cpuSeconds: metric(page, 'process_cpu_seconds_total'),
    loopDelayP99Ms: metric(page, 'nodejs_eventloop_lag_p99_seconds') * 1_000,
    metricLines: page.split('\n').length,
    replicas: metric(page, 'kingbus_replicas'),
    lagBytesMost: Math.max(0, ...lags.map(([, bytes]) => Number(bytes))),
    files: metric(page, 'kingbus_binlog_files'),
    diskBytes: folderBytes(kingbus.binlogFolder),
  }
}
