import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Journal, Position, VisibleEnd } from '../journal/index.ts'
import { Watch } from '../lib/index.ts'
import { systemClock } from '../platform/index.ts'
import { ReplicasHold } from './replicas-hold.ts'

const file = 'binlog.000001'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function make() {
  const visible = new Watch<VisibleEnd | undefined>(undefined)
  const held = new Watch<Position | undefined>(undefined)
  const journal: Pick<Journal, 'visible'> = { visible }
  const show = (position: number): void => visible.set({ file, position, sequence: position })
  const hold = (position: number, name = file): void => held.set({ file: name, position })
  return {
    hold: new ReplicasHold({ journal, held, clock: systemClock }),
    journal,
    show,
    held: hold,
  }
}

test('what is safe is the older of what is visible here and what replicas hold', () => {
  const { hold, show, held } = make()
  expect(hold.safe).toBeUndefined()
  expect(hold.isAll).toBe(true)
  show(200)
  expect(hold.safe).toBeUndefined()
  expect(hold.isAll).toBe(false)
  held(100)
  expect(hold.safe).toMatchObject({ file, position: 100 })
  expect(hold.isAll).toBe(false)
  held(200)
  expect(hold.safe).toMatchObject({ file, position: 200 })
  expect(hold.isAll).toBe(true)
  held(4, 'binlog.000002')
  expect(hold.safe).toMatchObject({ file, position: 200 })
})

test('where no replica is needed what is visible is safe', () => {
  const { journal, show } = make()
  const hold = new ReplicasHold({ journal, held: undefined, clock: systemClock })
  show(200)
  expect(hold.safe).toMatchObject({ position: 200 })
  expect(hold.isAll).toBe(true)
})

test('replicas get a while to catch up before a dump begins, and no longer', async () => {
  const { hold, show, held } = make()
  const { signal } = new AbortController()
  show(200)
  const caughtUp = hold.catchUp(signal)
  held(200)
  await caughtUp
  expect(hold.isAll).toBe(true)
  show(300)
  const late = hold.catchUp(signal)
  await vi.advanceTimersByTimeAsync(1000)
  await late
  expect(hold.isAll).toBe(false)
})

test('a dump begins anew when replicas are near, and not before ten seconds', async () => {
  const { hold, show, held } = make()
  const { signal } = new AbortController()
  let isAnew = false
  show(200)
  const anew = hold.mayBeginAnew(signal).then(() => {
    isAnew = true
  })
  held(200)
  await vi.advanceTimersByTimeAsync(9999)
  expect(isAnew).toBe(false)
  show(300)
  await vi.advanceTimersByTimeAsync(5000)
  expect(isAnew).toBe(false)
  // They have what was shown a moment ago, and more has come.
  show(400)
  held(300)
  await anew
  expect(hold.isAll).toBe(false)
})

test('what waits for replicas ends when its signal fires', async () => {
  const { hold, show } = make()
  const stopping = new AbortController()
  show(200)
  const waiting = [hold.catchUp(stopping.signal), hold.mayBeginAnew(stopping.signal)]
  stopping.abort()
  expect(await Promise.all(waiting)).toEqual([false, undefined])
})
