import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OperationalError, silentLogger } from '../../lib/index.ts'
import { DiskFigures } from '../../platform/index.ts'
import { type ProcessClock, SimulatedClock } from '../../platform/testing/simulated-clock.ts'
import { DiskWatch } from './disk-watch.ts'

let time: SimulatedClock
let clock: ProcessClock
let figures: DiskFigures
let watch: DiskWatch
let lines: string[]
let paused: string[]
let over: AbortController
let running: Promise<void>

beforeEach(() => {
  time = new SimulatedClock()
  clock = time.process()
  figures = new DiskFigures(clock)
  lines = []
  paused = []
  over = new AbortController()
  const link = {
    state: { value: { phase: 'streaming', code: undefined } },
    pause: ({ code }: OperationalError) => void paused.push(code),
  }
  watch = new DiskWatch({
    room: {
      hasRoom: true,
      space: { totalBytes: 1e9, freeBytes: 1e9, isReadOnly: false },
      tooLittle: () => new OperationalError('E_DISK_FULL', 'nobody asks'),
    },
    figures,
    failure: () => undefined,
    // What of a link is looked at.
    source: { current: { link, ingest: { isGiving: true } } as never },
    folder: '/data',
    clock,
    logger: {
      ...silentLogger,
      info: (_, message) => void lines.push(message),
      warn: ({ code }) => void lines.push(String(code)),
    },
  })
  running = watch.run(over.signal)
})

afterEach(async () => {
  over.abort()
  await running
})

/** Until the work is done, in simulated time. */
async function passing(work: Promise<void>): Promise<void> {
  let isDone = false
  void work.then(() => {
    isDone = true
  })
  const isOver = (): boolean => isDone
  while (!isOver()) {
    time.step()
    await new Promise(setImmediate)
  }
}

const sync = (tookMs: number): Promise<void> =>
  passing(figures.sync('/data/binlogs/binlog.000001', () => clock.sleep(tookMs)))

describe('a disk whose syncs take seconds', () => {
  it('is told once for as long as they do, shown all the time, and told to be well after a quick one', async () => {
    await sync(3000)
    expect(watch.trouble).toMatchObject({ state: 'slow', error: { code: 'E_DISK_SLOW' } })
    for (let left = 10; left > 0; left -= 1) {
      await sync(3000)
      expect(watch.trouble?.state).toBe('slow')
    }
    expect(lines).toEqual(['E_DISK_SLOW'])
    // A dump whose piece waits is paused.
    expect(new Set(paused)).toEqual(new Set(['E_DISK_SLOW']))
    await sync(2)
    await passing(clock.sleep(300))
    expect(watch.trouble).toBeUndefined()
    expect(lines).toEqual(['E_DISK_SLOW', 'the disk answers again'])
  })

  it('is told to be well where nothing more is asked of it, and told again the next time', async () => {
    await sync(3000)
    await passing(clock.sleep(10_000))
    expect(watch.trouble).toBeUndefined()
    await sync(3000)
    expect(lines).toEqual(['E_DISK_SLOW', 'the disk answers again', 'E_DISK_SLOW'])
  })

  it('is told nothing of while each is quick', async () => {
    for (let left = 20; left > 0; left -= 1) await sync(900)
    expect(lines).toEqual([])
    expect(paused).toEqual([])
  })
})
