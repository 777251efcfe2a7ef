import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GtidSet } from '../../mysql/index.ts'
import { chunksOf, endingsOf, withPreviousGtids } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { LogFeed, openLog, recordsOf } from '../testing/log-feed.ts'
import type { LogRecord } from './log-record.ts'
import type { ReplicatedLog } from './replicated-log.ts'

const FILE = 'binlog.000001'
const REAL = readFileSync(new URL('../../../test/fixtures/ddl-xa.000005', import.meta.url))
const SMALL = withPreviousGtids(REAL, GtidSet.empty())

let root: string
const crashing = new CrashDisk()
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kingbus-short-'))
})
afterEach(async () => {
  await crashing.crash()
  rmSync(root, { recursive: true, force: true })
})

async function reopen(name: string): Promise<ReplicatedLog> {
  await crashing.crash()
  return await openLog(crashing.disk, join(root, name))
}

/** A log of which a cut has taken a part of one record and two whole ones. */
async function cutLog(): Promise<{ sent: LogRecord[]; digests: string[]; cutAt: number }> {
  const feed = new LogFeed(await reopen('leader'))
  await feed.file(FILE)
  const endings = endingsOf(SMALL)
  const inside = endings.findIndex(({ boundary }, index) => index > 5 && !boundary)
  const ends = endings.map(({ end }) => end)
  const [before = 0, end = 0] = [ends[inside - 1], ends[inside]]
  const half = before - 30
  // What ends at `end` began at `half`, so a boundary lies inside; behind it two records more.
  const cuts = [...ends.filter((one) => one < half), half, end, end + 20]
  for (const chunk of chunksOf(SMALL, 4, end + 40, cuts)) {
    await feed.piece({ ...chunk, boundary: Math.min(chunk.boundary, before) })
  }
  await feed.cut()
  const cutAt = feed.log.end
  const [removal] = feed.log.removals
  if (removal !== undefined) await feed.log.remove(removal)
  for (const chunk of chunksOf(SMALL, before, SMALL.length, ends)) await feed.piece(chunk)
  await feed.log.sync()
  const digests: string[] = []
  for (let at = 1; at <= feed.log.end; at += 1) digests.push(await feed.log.digestAt(at))
  return { sent: await recordsOf(feed.log, 1), digests, cutAt }
}

it('records that lost their bytes to a cut are taken, and given again, over crashes', async () => {
  const { sent, digests, cutAt } = await cutLog()
  const lost = sent.filter(({ sequence, kind, bytes, end }) => {
    const start = sent[sequence - 2]?.end ?? 4
    return kind === 'bytes' && (bytes?.length ?? 0) < end - start
  })
  expect(lost.map(({ sequence }) => sequence)).toEqual([cutAt - 3, cutAt - 2, cutAt - 1])
  expect(lost.map(({ bytes }) => bytes?.length)).toEqual([30, 0, 0])
  const check = async (log: ReplicatedLog, sequence: number): Promise<void> => {
    expect(log.end).toBe(sequence)
    expect(await log.digestAt(sequence)).toBe(digests[sequence - 1])
    expect(await recordsOf(log, 1)).toEqual(sent.slice(0, sequence))
    await log.show(sequence)
    const isInGap = sequence > cutAt - 4 && sequence < cutAt
    expect(log.visible.value?.sequence).toBeLessThanOrEqual(isInGap ? cutAt - 4 : sequence)
  }
  for (const record of sent) {
    const log = await reopen('follower')
    await log.append([record])
    await log.sync()
    await check(log, record.sequence)
    const again = await reopen('follower')
    await check(again, record.sequence)
    for (const removal of again.removals) await again.remove(removal)
    await again.close()
  }
  const log = await reopen('follower')
  await log.show(log.end)
  expect(log.visible.value?.position).toBe(SMALL.length)
  expect(readFileSync(join(root, 'follower', FILE)).equals(SMALL)).toBe(true)
})

it('a gap that is taken back is none any more', async () => {
  const { sent, cutAt, digests } = await cutLog()
  for (let to = cutAt - 5; to < cutAt; to += 1) {
    const log = await reopen(`follower-${to}`)
    await log.append(sent.slice(0, cutAt - 1))
    await log.sync()
    await log.truncate(to)
    const again = await reopen(`follower-${to}`)
    expect(await recordsOf(again, 1)).toEqual(sent.slice(0, to))
    await again.append(sent.slice(to, cutAt))
    for (const removal of again.removals) await again.remove(removal)
    await again.append(sent.slice(cutAt))
    await again.sync()
    expect(await again.digestAt(again.end)).toBe(digests.at(-1))
    expect(readFileSync(join(root, `follower-${to}`, FILE)).equals(SMALL)).toBe(true)
  }
})

it('a leader whose log ends in a gap cuts it where its transactions end', async () => {
  const { sent, cutAt } = await cutLog()
  const log = await reopen('follower')
  await log.append(sent.slice(0, cutAt - 1))
  await log.sync()
  const feed = new LogFeed(log)
  feed.epoch = 2
  await feed.cut()
  for (const removal of log.removals) await log.remove(removal)
  const whole = sent[cutAt - 1]
  expect(await recordsOf(log, cutAt)).toMatchObject([{ end: whole?.end, divided: whole?.divided }])
  await log.show(log.end)
  expect(log.visible.value?.position).toBe(whole?.end)
  const reader = await log.openFile(FILE)
  const { bytes, end } = reader.read(4, Buffer.alloc(2 ** 20))
  expect(end).toBe(whole?.end)
  expect(bytes.equals(SMALL.subarray(4, end))).toBe(true)
  await reader.close()
})
