import { beforeEach, expect, test } from 'vitest'
import { Acknowledger } from './acknowledger.ts'

let sent: number[]
let acknowledger: Acknowledger

beforeEach(() => {
  sent = []
  acknowledger = new Acknowledger(({ place }) => sent.push(place.position))
})

function expectEnds(number: number, ...ends: number[]): void {
  for (const position of ends) {
    const place = { file: 'source.000007', position: position + 1000 * number }
    acknowledger.expect({ end: { file: fileOf(number), position }, place, arrivedAtMs: 0 })
  }
}

const fileOf = (number: number): string => `binlog.${String(number).padStart(6, '0')}`
const safe = (number: number, position: number): void =>
  acknowledger.safe({ file: fileOf(number), position })

test('the newest safe end is acknowledged, in the source’s words, once, and nothing beyond it', () => {
  safe(1, 100)
  expectEnds(1, 200, 400)
  safe(1, 199)
  expect(sent).toEqual([])
  safe(1, 300)
  expect(sent).toEqual([1200])
  expectEnds(1, 500, 600)
  safe(1, 500)
  safe(1, 599)
  expect(sent).toEqual([1200, 1500])
  safe(2, 4)
  safe(2, 900)
  expect(sent).toEqual([1200, 1500, 1600])
})

test('nothing is acknowledged while nothing is safe', () => {
  expectEnds(1, 200)
  acknowledger.safe(undefined)
  expect(sent).toEqual([])
  expect(acknowledger.oldest?.end).toEqual({ file: fileOf(1), position: 200 })
})

test('what is safe may lie files behind what the source waits for', () => {
  expectEnds(9, 200, 400)
  expectEnds(10, 200)
  expectEnds(11, 150)
  safe(8, 999_999)
  expect(sent).toEqual([])
  safe(9, 200)
  expect(sent).toEqual([9200])
  safe(10, 199)
  expect(sent).toEqual([9200, 9400])
  safe(11, 149)
  expect(sent).toEqual([9200, 9400, 10_200])
  safe(11, 150)
  expect(sent).toEqual([9200, 9400, 10_200, 11_150])
  expect(acknowledger.oldest).toBeUndefined()
})

test('while nothing is safe the newest of very many stands for those before it', () => {
  const ends = Array.from({ length: 10_500 }, (_, index) => 100 + index)
  expectEnds(1, ...ends)
  safe(1, 100 + 9_998)
  expect(sent).toEqual([1100 + 9_998])
  safe(1, 100 + 10_498)
  expect(sent).toHaveLength(1)
  safe(1, 100 + 10_499)
  expect(sent.at(-1)).toBe(1100 + 10_499)
})
