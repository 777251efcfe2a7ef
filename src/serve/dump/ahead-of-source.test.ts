import { describe, expect, it } from 'vitest'
import { present } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { type AskSource, lostBySource, type SourceGtids } from './ahead-of-source.ts'
import { REAL_FILES } from './testing/captures.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { MemoryBinlogs } from './testing/memory-binlogs.ts'
import { until } from './testing/run-dumps.ts'

const SOURCE = '90b578d4-e6e1-11f1-82c0-02fc00000001'
const OTHER = '90b578d4-e6e1-11f1-82c0-02fc00000009'

/** Of a source whose transactions 1 to 20 are here, and that answers with these, one after the other. */
function heldBy(gtids: string, answers: readonly (SourceGtids | undefined)[] = []) {
  const clock = new FakeClock()
  const file = { ...present(new MemoryBinlogs(REAL_FILES).files()[0], 'file'), sourceUuid: SOURCE }
  let stored = `${SOURCE}:1-20`
  let asked = 0
  const askSource: AskSource = () => {
    asked += 1
    return Promise.resolve(answers[asked - 1])
  }
  const reader = { files: () => [file], executed: () => GtidSet.parse(stored) }
  const stop = new AbortController()
  const parts = { reader, askSource, clock }
  const lost = lostBySource(GtidSet.parse(gtids), parts, stop.signal).then((set) => set?.toLine())
  const store = (more: string): void => void (stored = more)
  return { clock, lost, stop, store, asked: () => asked }
}

const source = (gtids: string, uuid = SOURCE): SourceGtids => ({ uuid, has: GtidSet.parse(gtids) })

describe('what a replica holds and the source has lost', () => {
  it.each([
    ['all that is here', `${SOURCE}:1-20`],
    ['less than is here', `${SOURCE}:1-7`],
    ['transactions of its own and of another server', `${SOURCE}:1-20,${OTHER}:1-9`],
    ['nothing', ''],
  ])('is not asked for of a replica that has %s', async (_, gtids) => {
    const { lost, asked } = heldBy(gtids)
    expect(await lost).toBeUndefined()
    expect(asked()).toBe(0)
  })

  it('is what neither we nor the source have', async () => {
    const held = `${SOURCE}:1-23:30,${SOURCE}:tag:1,${OTHER}:5`
    const { lost } = heldBy(held, [source(`${SOURCE}:1-21`)])
    expect(await lost).toBe(`${SOURCE}:22-23:30:tag:1`)
  })

  it('is asked for until we hold all of it: the source may lose it meanwhile', async () => {
    const { lost, clock, asked } = heldBy(`${SOURCE}:1-22`, [
      source(`${SOURCE}:1-25`),
      source(`${SOURCE}:1-21`),
    ])
    await until(() => clock.timers === 1)
    expect(asked()).toBe(1)
    clock.pass(10_000)
    expect(await lost).toBe(`${SOURCE}:22`)
  })

  it('is nothing when it has come here', async () => {
    const { lost, clock, store } = heldBy(`${SOURCE}:1-22`, [source(`${SOURCE}:1-25`)])
    await until(() => clock.timers === 1)
    store(`${SOURCE}:1-22`)
    clock.pass(10_000)
    expect(await lost).toBeUndefined()
  })

  it('is not known of a source that cannot be asked, nor from another server', async () => {
    const { lost, clock, stop, asked } = heldBy(`${SOURCE}:1-22`, [
      undefined,
      source(`${OTHER}:1`, OTHER),
      source(`${SOURCE}:1-20`),
    ])
    for (const count of [1, 2]) {
      await until(() => clock.timers === 1)
      expect(asked()).toBe(count)
      clock.pass(10_000)
    }
    expect(await lost).toBe(`${SOURCE}:21-22`)
    expect(stop.signal.aborted).toBe(false)
  })

  it('is not waited for when the dump has ended', async () => {
    const { lost, clock, stop } = heldBy(`${SOURCE}:1-22`)
    await until(() => clock.timers === 1)
    stop.abort()
    expect(await lost).toBeUndefined()
  })
})
