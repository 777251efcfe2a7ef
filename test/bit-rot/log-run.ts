/*
  One bit of a file of a node in a cluster at a time is turned over before the node starts: of each binlog file and its
  index, and of the small files. `verify` names it; what reads it at a start refuses it by name, or opens with all
  records, epochs and GTIDs, serves nothing that was not stored, and has it again from another node.
*/
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readFacts, readHeld } from '../../src/cluster/log/facts-file.ts'
import {
  decodeCheckedJson,
  messageOf,
  OperationalError,
  silentLogger,
} from '../../src/lib/index.ts'
import { GtidSet } from '../../src/mysql/index.ts'
import { systemDisk, systemRandom } from '../../src/platform/index.ts'
import { flipBit } from '../../src/platform/testing/flip-bit.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { binlogOf, openDataDir, type ReplicatedLog, repairFile } from '../../src/store/index.ts'
import type { BitRunOptions, BitRunResult } from './bit-run.ts'
import { type Bit, bitsOf, describeBit, readAll, scrub, verifyText } from './looks.ts'
import { isReadAtStart, makeSmallLog, openSmallLog, restore, type SmallLog } from './small-log.ts'
import { removeSmallStore } from './small-store.ts'

export async function runLogBits({ seed, bitsEach, say }: BitRunOptions): Promise<BitRunResult> {
  const small = await makeSmallLog()
  const problems: string[] = []
  try {
    const which = { random: new SeededRandom(seed), each: bitsEach }
    const bits = bitsOf(small.dataDir, [...small.files.keys()], which)
    const dataDir = `${small.dataDir}-copy`
    for (const [count, bit] of bits.entries()) {
      restore(small, dataDir)
      flipBit(join(dataDir, bit.file), bit.position, bit.bit)
      const found = [
        ...(await verifyProblems(small, dataDir, bit)),
        ...(isReadAtStart(bit.file) ? await startProblems(small, dataDir, bit) : []),
      ]
      problems.push(...found.map((what) => `${describeBit(bit)}: ${what}`))
      if (count % 1000 === 999)
        say(`${count + 1} of ${bits.length} bits, ${problems.length} problems`)
    }
    return { bits: bits.length, problems }
  } finally {
    removeSmallStore(small)
  }
}

async function verifyProblems(small: SmallLog, dataDir: string, bit: Bit): Promise<string[]> {
  if (saysTheSame(small, dataDir, bit.file)) return []
  const report = await verifyText(dataDir)
  return report.includes(basename(bit.file)) ? [] : [`verify does not name it: ${report}`]
}

/** The name of its check itself, which stands beside the content, is another. */
function saysTheSame({ files }: SmallLog, dataDir: string, file: string): boolean {
  if (!file.endsWith('.json')) return false
  try {
    const whole = decodeCheckedJson(String(files.get(file)))
    const read = decodeCheckedJson(readFileSync(join(dataDir, file), 'utf8'))
    return Object.entries(whole).every(
      ([key, value]) => JSON.stringify(read[key]) === JSON.stringify(value),
    )
  } catch {
    return false
  }
}

// ---- a start

async function startProblems(small: SmallLog, dataDir: string, bit: Bit): Promise<string[]> {
  let release: (() => Promise<void>) | undefined
  let log: ReplicatedLog | undefined
  try {
    const opened = await openDataDir({ disk: systemDisk, random: systemRandom, path: dataDir })
    release = () => opened.release()
    const facts = join(dataDir, 'cluster.json')
    const { storeId } = opened.identity
    log = await openSmallLog(dataDir, storeId, await readHeld(systemDisk, facts))
    const { known } = await readFacts(systemDisk, facts)
    await log.show(Math.min(known, log.durable))
    return await openedProblems(small, dataDir, log, bit)
  } catch (thrown) {
    return refusalProblems(small, bit, thrown)
  } finally {
    await log?.close()
    await release?.()
  }
}

/** What tells where to go on may be refused, by its name and with the remedy; no closed file and no index of one. */
function refusalProblems({ active }: SmallLog, { file }: Bit, thrown: unknown): string[] {
  const mayBe = file.endsWith('.json') || binlogOf(basename(file)) === active
  const isNamed = thrown instanceof OperationalError && thrown.message.includes(basename(file))
  if (mayBe && isNamed) return []
  const stack = thrown instanceof OperationalError ? '' : ` ${String((thrown as Error).stack)}`
  return [`the node does not start: ${messageOf(thrown)}${stack}`]
}

async function openedProblems(
  small: SmallLog,
  dataDir: string,
  log: ReplicatedLog,
  { file }: Bit,
): Promise<string[]> {
  const problems = stateProblems(small, log)
  const read = await readAll(small.bytes, log)
  problems.push(...read.problems)
  const name = binlogOf(basename(file))
  if (!small.bytes.has(name)) return problems
  await scrub(dataDir, log, name)
  const alarms = log.alarms.of(name, 'E_STORE_DAMAGED')
  if (alarms.length === 0 && read.damaged.size > 0) problems.push('the scrub does not name it')
  if (alarms.length > 0 && name !== small.active) {
    await repair(small, dataDir, log, name)
    await scrub(dataDir, log, name)
    if (log.alarms.of(name, 'E_STORE_DAMAGED').length > 0) problems.push('it is not repaired')
    const again = await readAll(small.bytes, log)
    problems.push(...again.problems, ...[...again.damaged].map((one) => `${one} is damaged still`))
  }
  if (alarms.length > 0 && name === small.active) return problems
  // The index that is had again may lack marks of what was synced when.
  const mustBe = alarms.length > 0 ? [name] : [name, `${name}.idx`]
  const isWhole = mustBe.every((one) =>
    readFileSync(join(dataDir, 'binlogs', one)).equals(
      small.files.get(`binlogs/${one}`) ?? Buffer.alloc(0),
    ),
  )
  if (!isWhole) problems.push('it is not what was stored, and nobody says so')
  return problems
}

function stateProblems({ end, lineage, executed, purged }: SmallLog, log: ReplicatedLog): string[] {
  const problems: string[] = []
  if (log.end !== end) problems.push(`the log ends at ${log.end}`)
  if (JSON.stringify(log.lineage) !== JSON.stringify(lineage))
    problems.push(`its lineage is ${JSON.stringify(log.lineage)}`)
  if (!log.executed().equals(executed)) problems.push(`it holds ${log.executed().toString()}`)
  if (!purged.contains(log.purged())) problems.push(`it has purged ${log.purged().toString()}`)
  return problems
}

/** As `kingbus repair` does, from a node that has the same. */
async function repair(
  small: SmallLog,
  dataDir: string,
  log: ReplicatedLog,
  name: string,
): Promise<void> {
  const file = log.hold(name)
  const names = [...small.bytes.keys()]
  const at = names.indexOf(name)
  const { signal } = new AbortController()
  const contentOf = (one: string): Buffer => small.files.get(`binlogs/${one}`) ?? Buffer.alloc(0)
  const other = {
    name: 'node2',
    async *bytes() {
      yield { position: 0, bytes: contentOf(name) }
    },
    async *index() {
      yield contentOf(`${name}.idx`)
    },
  }
  try {
    await repairFile({
      disk: systemDisk,
      folder: join(dataDir, 'binlogs'),
      storeId: small.storeId,
      name,
      file,
      growing: () => log.growing(name),
      sources: [other],
      indexes: [other],
      neighbours: () => ({ before: names[at - 1], after: names[at + 1] }),
      heldAfter: async () => await Promise.resolve(undefined),
      purged: GtidSet.empty(),
      dryRun: false,
      progress: () => {},
      logger: silentLogger,
      signal,
    })
  } finally {
    await file.release()
  }
}
