import { expect, it } from 'vitest'
import { StartGate } from './start-gate.ts'
import { FakeClock } from './testing/fake-clock.ts'

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
}

function begin(gate: StartGate, signal = new AbortController().signal) {
  const dump: { leave?: () => void } = {}
  const entered = gate.enter(signal).then((leave) => {
    dump.leave = leave
  })
  return { dump, entered }
}

it('a dump begins at once while the gate is open, and waits while it is closed', async () => {
  const gate = new StartGate(new FakeClock())
  const first = begin(gate)
  await turns()
  expect(first.dump.leave).toBeDefined()
  first.dump.leave?.()
  expect(await gate.close(1000)).toBe(true)
  const second = begin(gate)
  await turns()
  expect(second.dump.leave).toBeUndefined()
  gate.open()
  await second.entered
  expect(second.dump.leave).toBeDefined()
})

it('it is closed when the last dump has its first file; one that has it twice counts once', async () => {
  const gate = new StartGate(new FakeClock())
  const dumps = [begin(gate), begin(gate)]
  await turns()
  let isClosed: boolean | undefined
  const closing = gate.close(1000).then((closed) => {
    isClosed = closed
  })
  dumps[0]?.dump.leave?.()
  dumps[0]?.dump.leave?.()
  await turns()
  expect(isClosed).toBeUndefined()
  dumps[1]?.dump.leave?.()
  await closing
  expect(isClosed).toBe(true)
})

it('it opens by itself, and says that a dump was not waited for', async () => {
  const clock = new FakeClock()
  const gate = new StartGate(clock)
  begin(gate)
  await turns()
  const closing = gate.close(1000)
  const waiting = begin(gate)
  clock.pass(1000)
  expect(await closing).toBe(false)
  await waiting.entered
  expect(waiting.dump.leave).toBeDefined()
})

it('closed once more it counts from then, and opened it has no timer left', async () => {
  const clock = new FakeClock()
  const gate = new StartGate(clock)
  expect(await gate.close(1000)).toBe(true)
  clock.pass(900)
  expect(await gate.close(1000)).toBe(true)
  const waiting = begin(gate)
  clock.pass(900)
  await turns()
  expect(waiting.dump.leave).toBeUndefined()
  gate.open()
  await waiting.entered
  expect(waiting.dump.leave).toBeDefined()
  expect(clock.timers).toBe(0)
})

it('a dump that is ended while it waits does not wait for the gate', async () => {
  const gate = new StartGate(new FakeClock())
  await gate.close(1000)
  const stop = new AbortController()
  const { entered, dump } = begin(gate, stop.signal)
  stop.abort()
  await entered
  dump.leave?.()
  expect(await gate.close(1000)).toBe(true)
})
