/*
  The same binlog taken in by Kingbus, which makes it durable and checks every checksum, by mysqlbinlog, which
  does neither, and by the disk alone. Each begins when its first file appears: connecting and starting are not
  in the rate.
*/
import { execFile, execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kingbus } from '../test/e2e/harness/kingbus.ts'
import { remoteArguments } from '../test/e2e/harness/mysqlbinlog.ts'
import { makeRunFolder, mysqlProgram } from '../test/e2e/harness/project.ts'
import { waitFor } from '../test/e2e/harness/wait.ts'
import type { Corpus, End } from './corpus.ts'
import type { Run } from './figures.ts'
import { cpuSeconds, writtenBytes } from './process-usage.ts'

const appendBytes = 4 * 1024 * 1024
// A look at a file's size costs Kingbus nothing, a question for its status does: that is asked at the end only.
const lookMs = 5

/** Waits until all up to there is durable and shown. */
export async function waitForEnd(kingbus: Kingbus, end: End): Promise<void> {
  const path = join(kingbus.binlogFolder, end.file)
  const timeoutMs = 600_000
  await waitFor({ what: `${end.file} to arrive`, timeoutMs, stepMs: lookMs }, async () => {
    return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= end.position
  })
  await waitFor({ what: `${end.file} to be shown`, timeoutMs, stepMs: lookMs }, async () => {
    const { visibleEnd } = await kingbus.status()
    const { file, position } = (visibleEnd ?? {}) as Partial<End>
    return file === end.file && position === end.position
  })
}

export async function stopAndRemove(kingbus: Kingbus): Promise<void> {
  await kingbus.stop()
  rmSync(kingbus.folder, { recursive: true, force: true })
}

/**
 * The source stands still until Kingbus has started, so that its start is in neither figure. The time ends when
 * Kingbus shows the end, which it does when all before is durable. The caller stops Kingbus.
 */
export async function ingestByKingbus(
  corpus: Corpus,
  tls = false,
): Promise<{ run: Run; kingbus: Kingbus }> {
  const flags = { 'source-tls': tls ? 'required' : 'disabled', 'source-start-at': 'oldest' }
  const { server } = corpus
  server.freeze()
  const kingbus = await Kingbus.start({ sourceUrl: server.sourceUrl, flags }).finally(() =>
    server.thaw(),
  )
  const { pid } = kingbus
  const before = { cpu: cpuSeconds(pid), written: writtenBytes(pid) }
  await waitForEnd(kingbus, corpus.end)
  const endedMs = Date.now()
  const run = {
    megabytesPerSecond: rate(corpus, endedMs - firstFileMs(kingbus.binlogFolder, corpus)),
    cpu: (cpuSeconds(pid) - before.cpu) / (corpus.bytes / 1e9),
    peakMegabytes: kingbus.memory().peakBytes / 1e6,
    writtenPerByte: (writtenBytes(pid) - before.written) / corpus.bytes,
  }
  return { run, kingbus }
}

/** mysqlbinlog's time ends with its process. */
export async function ingestByMysqlbinlog(corpus: Corpus, tls = false): Promise<Run> {
  const folder = makeRunFolder('mysqlbinlog')
  // The shell's own `time` tells the CPU time of a process that has ended.
  const script = 'TIMEFORMAT="%U %S"; time "$@"'
  const { stderr } = await promisify(execFile)('bash', [
    '-c',
    script,
    'bash',
    mysqlProgram('mysqlbinlog'),
    ...remoteArguments({ port: corpus.server.port }, 'BINLOG-DUMP-GTIDS'),
    ...(tls ? ['--ssl-mode=REQUIRED'] : ['--ssl-mode=DISABLED', '--get-server-public-key']),
    '--raw',
    '--to-last-log',
    `--result-file=${folder}/`,
    corpus.file,
  ])
  const endedMs = Date.now()
  const beganMs = firstFileMs(folder, corpus)
  const [user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number)
  rmSync(folder, { recursive: true, force: true })
  const cpu = (user + system) / (corpus.bytes / 1e9)
  return { megabytesPerSecond: rate(corpus, endedMs - beganMs), cpu }
}

/** As fast as the disk takes it when every 4 MiB are made durable before the next. */
export async function appendToDisk(corpus: Corpus): Promise<Run> {
  const folder = makeRunFolder('disk')
  const file = openSync(join(folder, 'appended'), 'w')
  const piece = Buffer.alloc(appendBytes, 0x5a)
  const began = performance.now()
  for (let left = corpus.bytes; left > 0; left -= appendBytes) {
    writeSync(file, piece, 0, Math.min(left, appendBytes))
    fdatasyncSync(file)
  }
  const spentMs = performance.now() - began
  closeSync(file)
  rmSync(folder, { recursive: true, force: true })
  return { megabytesPerSecond: rate(corpus, spentMs) }
}

/** So that none writes to the disk while another still has pages to bring there. */
export function settleDisk(folder: string): void {
  execFileSync('sync', ['-f', folder])
}

function firstFileMs(folder: string, { file }: Corpus): number {
  return statSync(join(folder, file)).birthtimeMs
}

function rate(corpus: Corpus, ms: number): number {
  return corpus.bytes / ms / 1e3
}
