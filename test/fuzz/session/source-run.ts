/*
  A real Kingbus behind a real source, with somebody between them who spoils what the source says: the link
  reports it and connects again, and nothing of it is stored.
*/
import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { compareBinlogs } from '../../e2e/harness/compare.ts'
import { Kingbus } from '../../e2e/harness/kingbus.ts'
import { Mysqld, replicationUser } from '../../e2e/harness/mysqld.ts'
import { pause, waitFor } from '../../e2e/harness/wait.ts'
import { SourceProxy } from './source-proxy.ts'

const ROW_EVERY_MS = 20
const LOOK_MS = 200
const SAY_MS = 10_000
const PEAK_BYTES_MOST = 512 * 1024 * 1024

export interface SourceRun {
  readonly spoilt: number
  readonly connections: number
  readonly peakBytes: number
  /** codes of the errors that the status showed */
  readonly errors: readonly string[]
  readonly problems: string[]
}

export interface SourcePlan {
  readonly seed: number
  readonly ms: number
  readonly say: (line: string) => void
}

async function startAgain(kingbus: Kingbus): Promise<void> {
  await fetch(`${kingbus.adminUrl}/api/v1/source/start`, { method: 'POST' })
}

/** Looks at what the link says of itself, and lets it go on where it waits for the operator. */
async function watch(kingbus: Kingbus, errors: Set<string>, goOn: () => boolean): Promise<void> {
  while (goOn()) {
    const { source } = await kingbus.status()
    if (source.error !== null) errors.add(source.error.code)
    // A spoilt answer may say that the source is another one, or has lost what we hold.
    if (source.state !== 'streaming') await startAgain(kingbus)
    await pause(LOOK_MS)
  }
}

export async function runSourceFuzz(plan: SourcePlan): Promise<SourceRun> {
  const source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  const proxy = await SourceProxy.start(source.port, new SeededRandom(plan.seed))
  const kingbus = await Kingbus.start({
    sourceUrl: `mysql://${replicationUser}@127.0.0.1:${proxy.port}`,
    // Under TLS every change would be noticed before our code sees it.
    flags: { 'source-tls': 'disabled' },
  })
  await kingbus.waitForState('streaming')
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY, body LONGTEXT)')
  await kingbus.catchUpWith(source)
  const { pid } = kingbus
  const errors = new Set<string>()
  const begun = performance.now()
  const goOn = (): boolean => performance.now() - begun < plan.ms && kingbus.isRunning
  const write = async (): Promise<void> => {
    for (let id = 1; goOn(); id += 1) {
      await source.sql(`INSERT INTO d.t VALUES (${id}, REPEAT('x', ${200 * (id % 100)}))`)
      await pause(ROW_EVERY_MS)
    }
  }
  const telling = setInterval(() => {
    plan.say(
      `${proxy.spoilt} times spoilt, ${proxy.connections} connections, ${[...errors].join(' ')}`,
    )
  }, SAY_MS)
  proxy.spoil(true)
  const problems: string[] = []
  const done = await Promise.allSettled([write(), watch(kingbus, errors, goOn)])
  clearInterval(telling)
  proxy.spoil(false)
  const result = (peakBytes: number): SourceRun => {
    return {
      spoilt: proxy.spoilt,
      connections: proxy.connections,
      peakBytes,
      errors: [...errors],
      problems,
    }
  }
  for (const one of done) if (one.status === 'rejected') problems.push(String(one.reason))
  if (!kingbus.isRunning || kingbus.pid !== pid) {
    problems.push(`the process has ended with ${kingbus.exitCode}: ${kingbus.logTail(12)}`)
    return result(0)
  }
  await waitFor({ what: 'the link to stream again', timeoutMs: 60_000, stepMs: 500 }, async () => {
    const { state } = (await kingbus.status()).source
    if (state !== 'streaming') await startAgain(kingbus)
    return state === 'streaming'
  })
  await kingbus.catchUpWith(source)
  const { differences } = await compareBinlogs(source, kingbus)
  problems.push(...differences.map(({ name, what }) => `${name}: ${what}`))
  if (errors.size === 0) problems.push('the link never reported an error')
  const { peakBytes } = kingbus.memory()
  if (peakBytes > PEAK_BYTES_MOST) problems.push(`${peakBytes} bytes of memory at the most`)
  return result(peakBytes)
}
