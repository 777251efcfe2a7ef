/*
  The same binlog taken in by Kingbus, which makes it durable and checks every checksum, by mysqlbinlog, which
  does neither, and by the disk alone. Each begins when its first file appears: connecting and starting are not
  in the rate.
*/
import { execFile, execFileSync } from 'node:child_process'
import {
  closeSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Kingbus } from '../test/e2e/harness/kingbus.ts'
import { remoteArguments } from '../test/e2e/harness/mysqlbinlog.ts'
import { makeRunFolder, mysqlProgram } from '../test/e2e/harness/project.ts'
import { waitFor } from '../test/e2e/harness/wait.ts'
import type { Corpus } from './corpus.ts'
import { cpuSeconds } from './process-usage.ts'

export interface IngestRun {
  readonly megabytesPerSecond: number
  /** CPU seconds per GB */
  readonly cpu?: number
  readonly peakMegabytes?: number
}

export const contenders = ['disk', 'mysqlbinlog', 'kingbus'] as const
export type Contender = (typeof contenders)[number]

const appendBytes = 4 * 1024 * 1024

/** Waits until all that the source has is durable and shown. */
async function waitForEnd(kingbus: Kingbus, { end }: Corpus): Promise<void> {
  // Every question costs Kingbus a little, and the files' times are more exact than the answers'.
  await waitFor({ what: 'Kingbus to hold all', timeoutMs: 600_000, stepMs: 100 }, async () => {
    const { visibleEnd } = await kingbus.status()
    const { file, position } = (visibleEnd ?? {}) as Partial<Corpus['end']>
    return file === end.file && position === end.position
  })
}

export async function stopAndRemove(kingbus: Kingbus): Promise<void> {
  await kingbus.stop()
  rmSync(kingbus.folder, { recursive: true, force: true })
}

/**
 * The source stands still until Kingbus has started, so that its start is in neither figure. The time ends with
 * the last write to an index, which follows the fdatasync of what it speaks of. The caller stops Kingbus.
 */
export async function ingestByKingbus(
  corpus: Corpus,
): Promise<{ run: IngestRun; kingbus: Kingbus }> {
  const flags = { 'source-tls': 'disabled', 'source-start-at': 'oldest' }
  const { server } = corpus
  server.freeze()
  const kingbus = await Kingbus.start({ sourceUrl: server.sourceUrl, flags }).finally(() =>
    server.thaw(),
  )
  const before = cpuSeconds(kingbus.pid)
  await waitForEnd(kingbus, corpus)
  const cpu = (cpuSeconds(kingbus.pid) - before) / (corpus.bytes / 1e9)
  const began = statSync(join(kingbus.binlogFolder, corpus.file)).birthtimeMs
  const indexes = readdirSync(kingbus.binlogFolder).filter((name) => name.endsWith('.idx'))
  const written = indexes.map((name) => statSync(join(kingbus.binlogFolder, name)).mtimeMs)
  const megabytesPerSecond = rate(corpus, Math.max(...written) - began)
  const peakMegabytes = kingbus.memory().peakBytes / 1e6
  return { run: { megabytesPerSecond, cpu, peakMegabytes }, kingbus }
}

/** mysqlbinlog's time ends with its process. */
export async function ingestByMysqlbinlog(corpus: Corpus): Promise<IngestRun> {
  const folder = makeRunFolder('mysqlbinlog')
  // The shell's own `time` tells the CPU time of a process that has ended.
  const script = 'TIMEFORMAT="%U %S"; time "$@"'
  const { stderr } = await promisify(execFile)('bash', [
    '-c',
    script,
    'bash',
    mysqlProgram('mysqlbinlog'),
    ...remoteArguments({ port: corpus.server.port }, 'BINLOG-DUMP-GTIDS'),
    '--ssl-mode=DISABLED',
    '--get-server-public-key',
    '--raw',
    '--to-last-log',
    `--result-file=${folder}/`,
    corpus.file,
  ])
  const endedMs = Date.now()
  const file = statSync(join(folder, corpus.file))
  const [user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number)
  rmSync(folder, { recursive: true, force: true })
  const cpu = (user + system) / (corpus.bytes / 1e9)
  return { megabytesPerSecond: rate(corpus, endedMs - file.birthtimeMs), cpu }
}

/** As fast as the disk takes it when every 4 MiB are made durable before the next. */
export function appendToDisk({ bytes }: Corpus): IngestRun {
  const folder = makeRunFolder('disk')
  const file = openSync(join(folder, 'appended'), 'w')
  const piece = Buffer.alloc(appendBytes, 0x5a)
  const began = performance.now()
  for (let left = bytes; left > 0; left -= appendBytes) {
    writeSync(file, piece, 0, Math.min(left, appendBytes))
    fdatasyncSync(file)
  }
  const spentMs = performance.now() - began
  closeSync(file)
  rmSync(folder, { recursive: true, force: true })
  return { megabytesPerSecond: bytes / spentMs / 1e3 }
}

/** So that none writes to the disk while another still has pages to bring there. */
export function settleDisk(folder: string): void {
  execFileSync('sync', ['-f', dirname(folder)])
}

function rate(corpus: Corpus, ms: number): number {
  return corpus.bytes / ms / 1e3
}
