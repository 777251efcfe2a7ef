/*
  A real Kingbus between a real source and a real replica, with attackers on its ports: what it must not do
  is die, grow, keep descriptors, fill the log, or let a client that does nothing wrong notice.
*/
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { messageOf } from '../../../src/lib/index.ts'
import { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { type Chain, startChain } from '../../e2e/harness/chain.ts'
import { compareBinlogs, serverDifferences } from '../../e2e/harness/compare.ts'
import type { Kingbus } from '../../e2e/harness/kingbus.ts'
import { pause, waitFor } from '../../e2e/harness/wait.ts'
import { type Battlefield, Tally } from './attacker.ts'
import { attackOnce, flood, guessUntilBlocked } from './attacks.ts'
import { Witness } from './witness.ts'

const LANES = 24
const FLOOD_EVERY_MS = 10_000
/** Those of one address are beyond what it may have, so that the rest is told 1040. */
const FLOOD_CONNECTIONS = 1800
const SAY_MS = 10_000
const ROW_EVERY_MS = 200
/** The attackers' connections are gone by then: less than the login may take, plus the lingering. */
const SETTLE_MS = 30_000
/** What the metrics must have counted. */
const COUNTED = [
  'connections',
  'connections_refused',
  'connections_blocked',
  'logins_refused',
  'faults',
]
const DESCRIPTORS_OVER = 5
const PEAK_BYTES_MOST = 512 * 1024 * 1024
/** A log line for each of a thousand attackers is no use to anybody, and fills a disk. */
const LOG_BYTES_PER_SECOND_MOST = 6_000
/** 99 of 100 answers of the witness; the machine has other work as well. */
const WITNESS_MS_MOST = 1_500

export interface SessionPlan {
  readonly seed: number
  readonly ms: number
  readonly say: (line: string) => void
}

export interface SessionResult {
  readonly tally: Tally
  readonly seconds: number
  readonly peakBytes: number
  readonly witnessMs: { readonly middle: number; readonly most: number; readonly of99: number }
  readonly logBytes: number
  /** what must not be; empty when all is well */
  readonly problems: string[]
}

function descriptors(kingbus: Kingbus): number {
  return readdirSync(`/proc/${kingbus.pid}/fd`).length
}

async function writeRows(chain: Chain, goOn: () => boolean): Promise<void> {
  for (let id = 1; goOn(); id += 1) {
    await chain.source.sql(`INSERT INTO d.t VALUES (${id}, REPEAT('x', ${1000 * (id % 50)}))`)
    await pause(ROW_EVERY_MS)
  }
}

/** Attacks in lanes, each with numbers of its own, and floods in between. */
async function attack(field: Battlefield, plan: SessionPlan, goOn: () => boolean): Promise<void> {
  const lane = async (number: number): Promise<void> => {
    const own = { ...field, random: new SeededRandom(plan.seed * 1000 + number) }
    while (goOn()) await attackOnce(own)
  }
  const floods = async (): Promise<void> => {
    while (goOn()) {
      await flood(field, FLOOD_CONNECTIONS)
      for (let waited = 0; waited < FLOOD_EVERY_MS && goOn(); waited += 100) await pause(100)
    }
  }
  await Promise.all([...Array.from({ length: LANES }, (_, number) => lane(number)), floods()])
}

function quantile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
}

export async function runSessionFuzz(plan: SessionPlan): Promise<SessionResult> {
  const chain = await startChain()
  const { source, kingbus } = chain
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY, body LONGTEXT)')
  await chain.replica.catchUpWith(source)
  const witness = await Witness.start(kingbus)
  const { pid } = kingbus
  const before = { descriptors: descriptors(kingbus), log: statSync(kingbus.logFile).size }
  const tally = new Tally()
  const random = new SeededRandom(plan.seed)
  const field = { port: kingbus.port, adminPort: kingbus.adminPort, random, tally }
  const begun = performance.now()
  const goOn = (): boolean => performance.now() - begun < plan.ms && kingbus.isRunning
  const telling = setInterval(() => {
    const memory = kingbus.isRunning ? Math.round(kingbus.memory().nowBytes / 2 ** 20) : 0
    plan.say(`${tally.packets} packets, ${tally.connections} connections, ${memory} MiB`)
  }, SAY_MS)
  const problems: string[] = []
  try {
    const work = [attack(field, plan, goOn), writeRows(chain, goOn)]
    const [guessing] = await Promise.all([guessUntilBlocked(field), ...work])
    if (guessing !== 'blocked') problems.push(`who guesses again and again is ${guessing}`)
  } finally {
    clearInterval(telling)
  }
  const seconds = (performance.now() - begun) / 1000
  const fault = await witness.stop()
  const waits = witness.waitsMs.toSorted((one, other) => one - other)
  const witnessMs = {
    middle: quantile(waits, 0.5),
    of99: quantile(waits, 0.99),
    most: quantile(waits, 1),
  }
  if (!kingbus.isRunning) {
    problems.push(`the process has ended with ${kingbus.exitCode}: ${kingbus.logTail(5)}`)
    return { tally, seconds, peakBytes: 0, witnessMs, logBytes: 0, problems }
  }
  if (fault !== undefined) problems.push(`the witness: ${messageOf(fault)}`)
  if (witnessMs.of99 > WITNESS_MS_MOST) problems.push(`the witness waited ${witnessMs.of99} ms`)
  problems.push(...(await findings(chain, { pid, before: before.descriptors })))
  const { peakBytes } = kingbus.memory()
  if (peakBytes > PEAK_BYTES_MOST) problems.push(`${peakBytes} bytes of memory at the most`)
  const logBytes = statSync(kingbus.logFile).size - before.log
  if (logBytes / seconds > LOG_BYTES_PER_SECOND_MOST)
    problems.push(`${logBytes} bytes of log lines`)
  if (!/warn/i.test(readFileSync(kingbus.logFile, 'utf8'))) problems.push('the log says nothing')
  if (tally.errors === 0) problems.push('nothing was ever answered with an error')
  return { tally, seconds, peakBytes, witnessMs, logBytes, problems }
}

/** What the others have, and what is left behind, after the attackers have gone. */
async function findings(chain: Chain, was: { pid: number; before: number }): Promise<string[]> {
  const { source, kingbus, replica } = chain
  const problems: string[] = []
  if (kingbus.pid !== was.pid) problems.push('it is another process')
  await replica.catchUpWith(source, 60_000).catch((thrown: unknown) => {
    problems.push(`the replica does not catch up: ${String(thrown)}`)
  })
  problems.push(...(await serverDifferences(source, replica.server)))
  const { differences } = await compareBinlogs(source, kingbus)
  problems.push(...differences.map(({ name, what }) => `${name}: ${what}`))
  for (const what of COUNTED) {
    const count = await kingbus.metric(`kingbus_client_${what}_total`)
    if (!(count > 0)) problems.push(`no ${what} are counted in the metrics`)
  }
  const settled = async (): Promise<boolean> =>
    descriptors(kingbus) <= was.before + DESCRIPTORS_OVER
  const patience = { what: 'the descriptors to be given back', timeoutMs: SETTLE_MS }
  await waitFor(patience, settled).catch(() => {
    problems.push(`${descriptors(kingbus)} descriptors are open, ${was.before} were before`)
  })
  return problems
}
