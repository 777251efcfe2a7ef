/*
  How fast a store of many GB is looked through, how much memory that takes, whether the rate limit of the background
  check holds, and what it does to the taking in of small transactions meanwhile:

      npx tsx benchmarks/scrub.ts [GIB] [FOLDER]     4 GiB below build/ by default; removed afterwards
*/
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { crc32, silentLogger } from '../src/lib/index.ts'
import { GtidSet } from '../src/mysql/index.ts'
import { systemClock, systemDisk, systemRandom } from '../src/platform/index.ts'
import { type DataDir, FileScrub, openDataDir, Store } from '../src/store/index.ts'
import {
  beginOf,
  bigFile,
  chunksOf,
  endingsOf,
  withEndPositions,
} from '../src/store/testing/binlog-feed.ts'
import { fixture } from '../test/captured-files.ts'

const MIB = 1024 ** 2
const FILE_BYTES = 256 * MIB
const EVENT_BYTES = 4000
const CHUNK_BYTES = MIB / 2
/** What a small commit of sysbench weighs. */
const COMMIT_EVENT_BYTES = 1000
const PHASE_MS = 10_000
const LOOK = 'look-through'
const RATES = [undefined, 4 * MIB, 64 * MIB, undefined, 4 * MIB, 64 * MIB, undefined] as const

const say = (line: string): void => console.log(line)
const peakMiB = (status: string): number => Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024
const statusOf = (pid: number | 'self'): string => readFileSync(`/proc/${pid}/status`, 'utf8')

let next = 1

/** Goes on behind the transactions of the file before. */
function fileOf(size: number, bytes: number): Buffer {
  const count = Math.floor(bytes / size)
  const file = withEndPositions(
    bigFile(fixture('plain.000002'), { count, size, open: 0, first: next }),
  )
  next += count
  return file
}

const nameOf = (number: number): string => `binlog.${String(number + 1).padStart(6, '0')}`

async function openStore(path: string): Promise<{ dataDir: DataDir; store: Store }> {
  const dataDir = await openDataDir({ disk: systemDisk, random: systemRandom, path })
  const { storeId } = dataDir.identity
  const options = { disk: systemDisk, folder: dataDir.binlogs, storeId, logger: silentLogger }
  return { dataDir, store: await Store.open(options) }
}

async function addFile(store: Store, number: number, file: Buffer): Promise<void> {
  const cuts = Array.from(
    { length: Math.floor(file.length / CHUNK_BYTES) },
    (_, at) => at * CHUNK_BYTES,
  )
  store.commit(await store.beginFile(beginOf(nameOf(number))))
  for (const chunk of chunksOf(file, 4, file.length, cuts)) await store.append(chunk)
  store.commit(await store.sync())
}

/** `kingbus verify` as a process of its own. */
async function verify(dataDir: string, bytes: number): Promise<void> {
  const began = performance.now()
  const child = spawn(process.execPath, [join('bin', 'kingbus'), 'verify', dataDir, '--json'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let peak = 0
  const look = setInterval(() => {
    if (child.pid !== undefined && child.exitCode === null)
      peak = peakMiB(statusOf(child.pid)) || peak
  }, 100)
  const code = await new Promise((done) => child.on('exit', done))
  clearInterval(look)
  const seconds = (performance.now() - began) / 1000
  say(
    `verify: exit ${String(code)}, ${(bytes / MIB / seconds).toFixed(0)} MiB/s, peak ${peak.toFixed(0)} MiB`,
  )
}

const scrubOf = (dataDir: DataDir, store: Store, bytesPerSecond: number | undefined): FileScrub =>
  new FileScrub({
    name: 'node',
    disk: systemDisk,
    folder: dataDir.binlogs,
    store,
    bytesPerSecond,
    clock: systemClock,
    logger: silentLogger,
  })

async function unlimited(dataDir: DataDir, store: Store): Promise<void> {
  const scrub = scrubOf(dataDir, store, undefined)
  const began = performance.now()
  for (const { name } of store.files()) await scrub.checkNow(name, new AbortController().signal)
  const seconds = (performance.now() - began) / 1000
  const rate = scrub.checkedBytes / MIB / seconds
  say(
    `scrub, no limit: ${rate.toFixed(0)} MiB/s, peak of the process ${peakMiB(statusOf('self')).toFixed(0)} MiB`,
  )
}

/** One transaction after the other, each durable before the next, while the background check goes on at a rate. */
async function whileTakingIn(
  dataDir: DataDir,
  store: Store,
  {
    number,
    bytesPerSecond,
  }: { readonly number: number; readonly bytesPerSecond: number | undefined },
): Promise<void> {
  const file = fileOf(COMMIT_EVENT_BYTES, 64 * MIB)
  const ends = endingsOf(file).filter(({ boundary }) => boundary)
  store.commit(await store.beginFile(beginOf(nameOf(number))))
  const scrub = scrubOf(dataDir, store, bytesPerSecond)
  const ended = new AbortController()
  const running = scrub.run(ended.signal)
  const took: number[] = []
  const began = performance.now()
  let from = 4
  for (const { end, gtid, timestamp } of ends) {
    if (performance.now() - began > PHASE_MS) break
    const bytes = file.subarray(from, end)
    const gtids = GtidSet.empty()
    if (gtid !== undefined) gtids.add(gtid)
    const start = performance.now()
    await store.append({ bytes, crc: crc32(bytes), boundary: end, gtids, timestamp })
    store.commit(await store.sync())
    took.push(performance.now() - start)
    from = end
    await new Promise((done) => setImmediate(done))
  }
  const seconds = (performance.now() - began) / 1000
  ended.abort()
  await running
  took.sort((one, other) => one - other)
  const at = (share: number): string =>
    (took[Math.floor(took.length * share)] ?? Number.NaN).toFixed(2)
  const limit = bytesPerSecond === undefined ? 'off' : `${bytesPerSecond / MIB} MiB/s`
  const read = (scrub.checkedBytes / MIB / seconds).toFixed(1)
  say(
    `scrub ${limit}: read ${read} MiB/s; ${(took.length / seconds).toFixed(0)} transactions/s, ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
  )
}

/** In a process of its own, so that its memory is that of the check. */
async function lookThrough(path: string): Promise<void> {
  const { dataDir, store } = await openStore(path)
  await unlimited(dataDir, store)
  await store.close()
  await dataDir.release()
}

async function build(path: string, gib: number): Promise<{ files: number; bytes: number }> {
  const { dataDir, store } = await openStore(path)
  const files = Math.ceil((gib * 1024 * MIB) / FILE_BYTES)
  for (let number = 0; number < files; number += 1) {
    await addFile(store, number, fileOf(EVENT_BYTES, FILE_BYTES))
  }
  await store.close()
  await dataDir.release()
  const sizes = readdirSync(dataDir.binlogs).map(
    (name) => statSync(join(dataDir.binlogs, name)).size,
  )
  return { files, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

async function measureAll(path: string, gib: number): Promise<void> {
  const { files, bytes } = await build(path, gib)
  say(`${files} files, ${(bytes / 1024 / MIB).toFixed(2)} GiB with their indexes`)
  await verify(path, bytes)
  const again = [...process.execArgv, ...process.argv.slice(1, 2), LOOK, path]
  execFileSync(process.execPath, again, { stdio: 'inherit' })
  const { dataDir, store } = await openStore(path)
  for (const [at, bytesPerSecond] of RATES.entries()) {
    await whileTakingIn(dataDir, store, { number: files + at, bytesPerSecond })
  }
  await store.close()
  await dataDir.release()
}

const [first = '4', second = 'build'] = process.argv.slice(2)
if (first === LOOK) await lookThrough(second)
else {
  const path = resolve(second, 'scrub-benchmark')
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  try {
    await measureAll(path, Number(first))
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}
