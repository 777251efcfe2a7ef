import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fixture } from '../../../test/captured-files.ts'
import { GtidSet } from '../../mysql/index.ts'
import { flipBit } from '../../platform/testing/flip-bit.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import { chunksOf, heldOf, withPreviousGtids } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { LogFeed, openLog } from '../testing/log-feed.ts'
import type { LogPoint } from './log-record.ts'
import type { ReplicatedLog } from './replicated-log.ts'

/*
  A log whose older files are damaged opens, names them, and shows all that it has.
*/

type Fields = Readonly<Record<string, unknown>>

const OLDEST = 'binlog.000001'
const ACTIVE = 'binlog.000002'
const BEFORE = GtidSet.parse('11111111-1111-1111-1111-111111111111:1-7')
const BYTES = withPreviousGtids(fixture('plain.000002'), BEFORE)
const crashing = new CrashDisk()
let folder = ''
let end = 0
let executed = ''

beforeEach(async () => {
  folder = temporaryFolder('damaged-log')
  const feed = new LogFeed(await openLog(crashing.disk, folder))
  const held = BEFORE.union(heldOf(BYTES, BYTES.length))
  const second = withPreviousGtids(fixture('tagged-gtids.000003'), held)
  for (const [name, bytes] of [[OLDEST, BYTES] as const, [ACTIVE, second] as const]) {
    feed.epoch += 1
    await feed.file(name, name === OLDEST ? BEFORE : undefined)
    for (const chunk of chunksOf(bytes, 4, bytes.length, [700, 701])) await feed.piece(chunk)
    await feed.log.sync()
    await feed.log.show(feed.log.end)
  }
  end = feed.log.end
  executed = feed.log.executed().toString()
  await feed.log.close()
})
afterEach(async () => await crashing.crash())

const pathOf = (name: string): string => join(folder, name)

async function openShown(): Promise<ReplicatedLog> {
  const log = await openLog(crashing.disk, folder)
  expect(log.end).toBe(end)
  await log.show(log.end)
  expect(log.executed().toString()).toBe(executed)
  return log
}

const suspects = (log: ReplicatedLog): string[] => [
  ...new Set(log.alarms.suspects.value.map(({ file }) => file)),
]

it.each([
  ['has lost its end', () => truncateSync(pathOf(OLDEST), 1000)],
  ['has more than was stored', () => appendFileSync(pathOf(OLDEST), 'more')],
  ['does not begin as one', () => flipBit(pathOf(OLDEST), 2)],
])('a closed file that %s is named', async (_, damage) => {
  damage()
  const log = await openShown()
  expect(suspects(log)).toEqual([OLDEST])
  await log.close()
})

it('the oldest file that is damaged where it says what was before it keeps nothing from being shown', async () => {
  flipBit(pathOf(OLDEST), 170)
  const log = await openShown()
  expect(suspects(log)).toEqual([OLDEST])
  const held = log.hold(OLDEST)
  flipBit(pathOf(OLDEST), 170)
  await held.renew()
  await held.release()
  expect(log.purged().toString()).toBe(BEFORE.toString())
  await log.close()
})

it('the file that is written to gets its first bytes again', async () => {
  const bytes = readFileSync(pathOf(ACTIVE))
  flipBit(pathOf(ACTIVE), 2)
  const log = await openShown()
  await log.close()
  expect(readFileSync(pathOf(ACTIVE)).equals(bytes)).toBe(true)
})

it('a number in log.json that is another one is named, with the remedy', async () => {
  const path = pathOf('log.json')
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('"end": 0', '"end": 4'))
  await expect(openLog(crashing.disk, folder)).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
    message: expect.stringMatching(/log\.json .* its content is not .* join anew/) as string,
  })
})

/** A log whose oldest file has records of several epochs; returns its lineage. */
async function manyEpochs(log: string): Promise<readonly LogPoint[]> {
  const feed = new LogFeed(await openLog(crashing.disk, log))
  const held = BEFORE.union(heldOf(BYTES, BYTES.length))
  const second = withPreviousGtids(fixture('tagged-gtids.000003'), held)
  await feed.append({ kind: 'epoch-start', crc: 0, ...feed.log.tail })
  for (const [name, bytes] of [[OLDEST, BYTES] as const, [ACTIVE, second] as const]) {
    feed.epoch += 1
    await feed.file(name, name === OLDEST ? BEFORE : undefined)
    for (const chunk of chunksOf(bytes, 4, bytes.length, [700, 701])) {
      feed.epoch += 1
      await feed.append({ kind: 'epoch-start', crc: 0, ...feed.log.tail })
      await feed.piece(chunk)
    }
    await feed.log.sync()
    await feed.log.show(feed.log.end)
  }
  const lineage = [...feed.log.lineage]
  end = feed.log.end
  executed = feed.log.executed().toString()
  await feed.log.close()
  return lineage
}

it('whichever bit of a closed index flips, the log opens with all epochs, and what is read is true', async () => {
  folder = join(temporaryFolder('damaged-epochs'), 'log')
  const lineage = await manyEpochs(folder)
  expect(lineage.length).toBeGreaterThan(6)
  const index = pathOf(`${OLDEST}.idx`)
  const bytes = readFileSync(index)
  const facts = readFileSync(pathOf('log.json'))
  let named = 0
  for (let at = 0; at < bytes.length; at += 5) {
    flipBit(index, at, at & 7)
    const log = await openShown()
    expect([at, log.lineage]).toEqual([at, lineage])
    expect(log.purged().toString()).toBe(BEFORE.toString())
    if (suspects(log).includes(`${OLDEST}.idx`)) named += 1
    await expectTrueOrTold(log, BYTES)
    expect(await log.digestAt(firstOf(log, ACTIVE) - 1)).toMatch(/^[0-9a-f]{64}$/)
    await log.close()
    // The copy of the lineage stays what it was.
    expect(readFileSync(pathOf('log.json')).equals(facts)).toBe(true)
    writeFileSync(index, bytes)
  }
  // What is behind the last epoch is looked at when it is read.
  expect(named).toBeGreaterThan(bytes.length / 5 / 4)
}, 60_000)

const firstOf = (log: ReplicatedLog, name: string): number =>
  log.filesHeld().find((file) => file.name === name)?.firstSequence ?? 0

/** Reads the oldest file: each piece is what was stored, until the damage is told by name. */
async function expectTrueOrTold(log: ReplicatedLog, bytes: Buffer): Promise<void> {
  const buffer = Buffer.alloc(RECORD_BYTES_MAX)
  const reader = await log.openFile(OLDEST).catch(expectTold)
  if (reader === undefined) return
  try {
    for (let at = 4; at < bytes.length; ) {
      const read = reader.read(at, buffer)
      expect(bytes.subarray(at, read.end).equals(read.bytes)).toBe(true)
      at = read.end
    }
  } catch (thrown) {
    expectTold(thrown)
  } finally {
    await reader.close()
  }
}

function expectTold(thrown: unknown): undefined {
  expect(thrown).toMatchObject({ code: 'E_STORE_DAMAGED', context: { file: `${OLDEST}.idx` } })
}

it('a closed index that is gone is named, and the log goes on', async () => {
  folder = join(temporaryFolder('lost-index'), 'log')
  const lineage = await manyEpochs(folder)
  rmSync(pathOf(`${OLDEST}.idx`))
  const log = await openShown()
  expect(log.lineage).toEqual(lineage)
  expect(suspects(log)).toEqual([`${OLDEST}.idx`])
  await expectTrueOrTold(log, BYTES)
  await log.close()
})

it('a closed index whose end is damaged, and behind which nobody tells the epochs or the end, is refused', async () => {
  folder = join(temporaryFolder('damaged-ends'), 'log')
  await manyEpochs(folder)
  const feed = new LogFeed(await openShown())
  feed.epoch = 100
  await feed.file('binlog.000003')
  await feed.log.sync()
  await feed.log.close()
  const index = pathOf(`${OLDEST}.idx`)
  const { check: _, ...facts } = JSON.parse(readFileSync(pathOf('log.json'), 'utf8')) as Fields
  flipBit(index, 100)
  writeFileSync(pathOf('log.json'), JSON.stringify({ ...facts, closed: [] }))
  await expect(openLog(crashing.disk, folder)).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
    message: expect.stringMatching(/nothing else tells the epochs .* join anew/) as string,
  })
  flipBit(pathOf(`${ACTIVE}.idx`), 100)
  await expect(openLog(crashing.disk, folder)).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
    context: { file: `${OLDEST}.idx` },
    message: expect.stringMatching(/nobody tells where its records end; .* join anew/) as string,
  })
})

it('the index of the file that is written to is refused by its own name', async () => {
  flipBit(pathOf(`${ACTIVE}.idx`), 100)
  await expect(openLog(crashing.disk, folder)).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
    context: { file: `${ACTIVE}.idx` },
    message: expect.stringMatching(/join anew/) as string,
  })
})

it('what is held before a file that has just begun is not told by half, where no index says it', async () => {
  const log = await openShown()
  const feed = new LogFeed(log)
  feed.epoch = 3
  await feed.file('binlog.000003')
  await log.sync()
  await log.close()
  end += 1
  const index = pathOf(`${ACTIVE}.idx`)
  flipBit(index, readFileSync(index).length - 20)
  const opened = await openLog(crashing.disk, folder)
  await expect(opened.show(end)).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
    message: expect.stringMatching(/what is held before binlog.000003 cannot be told/) as string,
  })
  await opened.close()
  flipBit(index, readFileSync(index).length - 20)
  await (await openShown()).close()
})

it('a log of before there was a copy of the lineage gets one', async () => {
  const { check: _, ...facts } = JSON.parse(readFileSync(pathOf('log.json'), 'utf8')) as Fields
  const { closed, ...old } = facts
  expect(closed).toEqual([{ epoch: 2, sequence: expect.any(Number) as number }])
  writeFileSync(pathOf('log.json'), JSON.stringify(old))
  await (await openShown()).close()
  expect(JSON.parse(readFileSync(pathOf('log.json'), 'utf8'))).toMatchObject({ closed })
})
