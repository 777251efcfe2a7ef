/*
  How long an append takes until it is durable, measured where the binlogs will lie, in a file that is removed.
*/
import { join } from 'node:path'
import { messageOf, systemCodeOf } from '../lib/index.ts'
import type { Clock, Disk, DiskFile, Random } from '../platform/index.ts'
import { type DoctorFinding, note, ok, problem, warning } from './checks.ts'
import type { DataDirFacts } from './data-dir.ts'

const KIB = 1024
const MIB = 1024 * KIB
const SMALL_BYTES = 4 * KIB
const SMALL_COUNT = 50
const LARGE_BYTES = 4 * MIB
const LARGE_COUNT = 4
/** what is measured must not take the last room */
const ROOM_BYTES = 64 * MIB
const SLOW_MS = 10
const SLOWEST_MS = 100
/** no disk that survives a power cut is faster */
const UNBELIEVABLE_MS = 0.02

export interface DiskSpeed {
  /** an append of 4 KiB with its fdatasync, milliseconds */
  readonly medianMs: number
  readonly p99Ms: number
  /** appends of 4 MiB, each with its fdatasync */
  readonly bytesPerSecond: number
}

interface Tools {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
}

/** Undefined with why, where nothing can be measured. */
export async function measureDisk(
  tools: Tools,
  facts: DataDirFacts,
): Promise<DiskSpeed | DoctorFinding> {
  const { disk, random } = tools
  const { existing, attributes, space } = facts
  if (!attributes.isFolder || space.freeBytes < ROOM_BYTES) {
    return note('disk.speed', 'not measured: there is no room', 'see data-dir and disk.space')
  }
  const path = join(existing, `kingbus-doctor-${random.uuid()}.tmp`)
  let file: DiskFile
  try {
    file = await disk.open(path, 'create')
  } catch (thrown) {
    if (systemCodeOf(thrown) === undefined) throw thrown
    const found = `nothing can be written in ${existing}: ${messageOf(thrown)}`
    return problem(
      'data-dir',
      found,
      `make it writable for the user that runs kingbus (chown, chmod)`,
    )
  }
  try {
    return await measure(tools.clock, file)
  } finally {
    await file.close()
    await disk.remove(path)
  }
}

async function measure(clock: Clock, file: DiskFile): Promise<DiskSpeed> {
  const small = await appends(clock, file, { bytes: SMALL_BYTES, count: SMALL_COUNT })
  const large = await appends(clock, file, { bytes: LARGE_BYTES, count: LARGE_COUNT })
  const sorted = small.toSorted((one, other) => one - other)
  const largeMs = large.reduce((sum, ms) => sum + ms, 0)
  return {
    medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0,
    p99Ms: sorted.at(-1) ?? 0,
    bytesPerSecond: (LARGE_COUNT * LARGE_BYTES * 1000) / largeMs,
  }
}

async function appends(
  clock: Clock,
  file: DiskFile,
  { bytes, count }: { bytes: number; count: number },
): Promise<number[]> {
  const content = Buffer.alloc(bytes, 'kingbus doctor ')
  const times: number[] = []
  for (let done = 0; done < count; done += 1) {
    const begun = clock.monotonicMs()
    await file.write(content, file.size())
    await file.sync()
    times.push(clock.monotonicMs() - begun)
  }
  return times
}

export function diskSpeedFinding({ medianMs, p99Ms, bytesPerSecond }: DiskSpeed): DoctorFinding {
  const id = 'disk.speed'
  const figures =
    `an append of 4 KiB is durable in ${medianMs.toFixed(2)} ms (p99 ${p99Ms.toFixed(2)} ms), ` +
    `4 MiB at a time at ${(bytesPerSecond / MIB).toFixed(0)} MiB/s`
  if (medianMs < UNBELIEVABLE_MS) {
    const remedy = 'see that the disk does not confirm what a power cut loses'
    return warning(id, `${figures}: faster than a disk can be`, remedy)
  }
  const commits = Math.round(1000 / medianMs)
  const meaning = `${figures}: about ${commits} commits/s for one writer that waits for semi-sync`
  if (medianMs > SLOW_MS || p99Ms > SLOWEST_MS) {
    return warning(
      id,
      meaning,
      'use a disk with a protected write cache, or an SSD, for itself alone',
    )
  }
  return ok(id, meaning)
}
