import { describe, expect, it } from 'vitest'
import { compileKernel } from '../../../scripts/build-kernel.ts'
import { encodeEvent } from '../binlog/event.ts'
import { EventType } from '../binlog/event-type.ts'
import { encodePackets } from '../wire/packet.ts'
import { RowEventKernel } from './row-event-kernel.ts'
import { ROW_EVENT_KERNEL_BASE64 } from './row-event-kernel.wasm.ts'

const POSITION = 2 ** 32 + 1000

function packet(changes: Partial<Parameters<typeof encodeEvent>[0]> = {}, size = 50): Buffer {
  const event = encodeEvent({
    type: EventType.WRITE_ROWS,
    timestamp: 1234,
    serverId: 1,
    logPos: 1000 + size + 23,
    flags: 0,
    body: Buffer.alloc(size, 7),
    checksum: true,
    ...changes,
  })
  return encodePackets(Buffer.concat([Buffer.from([0]), event]), 9)
}

function takenOf(
  input: Buffer,
  outputBytes = 4096,
  markerBytes = 1,
): { count: number; kernel: RowEventKernel } {
  const kernel = new RowEventKernel(outputBytes, markerBytes)
  input.copy(kernel.input)
  return { count: kernel.take(0, input.length, { used: 0, position: POSITION }, 9), kernel }
}

function changed(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

describe('RowEventKernel', () => {
  it('is what assembly/row-events.ts compiles to', async () => {
    expect(await compileKernel()).toBe(ROW_EVENT_KERNEL_BASE64)
  })

  it('takes a plain row event and says where it stopped', () => {
    const input = packet()
    const { count, kernel } = takenOf(Buffer.concat([input, input]))
    expect(count).toBe(1)
    expect(kernel.inputAt).toBe(input.length)
    expect(kernel.outputUsed).toBe(input.length - 5)
    expect(kernel.newestTimestamp).toBe(1234)
    expect(kernel.output.subarray(0, kernel.outputUsed).equals(input.subarray(5))).toBe(true)
  })

  it('takes events that are marked for semi-sync, but none that is awaited or not marked', () => {
    const marked = (...marker: number[]): Buffer =>
      encodePackets(Buffer.concat([Buffer.from(marker), packet().subarray(5)]), 9)
    const { count, kernel } = takenOf(marked(0, 0xef, 0), 4096, 3)
    expect(count).toBe(1)
    expect(kernel.inputAt).toBe(marked(0, 0xef, 0).length)
    expect(kernel.output.subarray(0, kernel.outputUsed).equals(packet().subarray(5))).toBe(true)
    for (const input of [marked(0, 0xef, 1), marked(0, 0xee, 0), marked(1, 0xef, 0), packet()]) {
      expect(takenOf(input, 4096, 3).count).toBe(0)
    }
  })

  it.each([
    ['another type', packet({ type: EventType.QUERY })],
    ['an artificial event', packet({ flags: 0x20 })],
    ['another place', packet({ logPos: 1 })],
    ['more than 2 KiB', packet({ logPos: 1000 + 3023 }, 3000)],
    ['another sequence number', changed(packet(), 3)],
    ['another marker', changed(packet(), 4)],
    ['a size that is not the packet’s', changed(packet(), 5 + 9)],
    ['a changed byte', changed(packet(), 40)],
    ['a changed checksum', changed(packet(), packet().length - 1)],
    ['a packet that is cut', packet().subarray(0, -1)],
    ['a cut header', packet().subarray(0, 20)],
  ])('leaves %s alone', (_what, input) => {
    expect(takenOf(input).count).toBe(0)
  })

  it('stops where the output is full', () => {
    expect(takenOf(packet(), 72).count).toBe(0)
    expect(takenOf(packet(), 73).count).toBe(1)
  })
})
