import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fixture } from '../../../test/captured-files.ts'
import { GtidSet } from '../../mysql/index.ts'
import { flipBit } from '../../platform/testing/flip-bit.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { chunksOf, heldOf, withPreviousGtids } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { LogFeed, openLog } from '../testing/log-feed.ts'
import type { ReplicatedLog } from './replicated-log.ts'

/*
  A log whose older files are damaged opens, names them, and shows all that it has.
*/

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

it('no bit of a closed index that flips makes the log miss an epoch of its records', async () => {
  const log = join(temporaryFolder('damaged-epochs'), 'log')
  const feed = new LogFeed(await openLog(crashing.disk, log))
  await feed.file(OLDEST)
  for (const chunk of chunksOf(BYTES, 4, BYTES.length, [700, 701])) {
    feed.epoch += 1
    await feed.append({ kind: 'epoch-start', crc: 0, ...feed.log.tail })
    await feed.piece(chunk)
  }
  feed.epoch += 1
  await feed.file(ACTIVE)
  await feed.log.sync()
  const lineage = [...feed.log.lineage]
  await feed.log.close()
  expect(lineage.length).toBeGreaterThan(3)

  const index = join(log, `${OLDEST}.idx`)
  const bytes = readFileSync(index)
  let opened = 0
  for (let at = 0; at < bytes.length; at += 1) {
    flipBit(index, at, at & 7)
    try {
      const one = await openLog(crashing.disk, log)
      opened += 1
      expect([at, one.lineage]).toEqual([at, lineage])
      await one.close()
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'E_STORE_DAMAGED', context: { file: `${OLDEST}.idx` } })
    }
    writeFileSync(index, bytes)
  }
  // What is behind the last epoch is not looked at here.
  expect(opened).toBeGreaterThan(0)
}, 60_000)
