import { expect, test } from 'vitest'
import { Acknowledger } from './acknowledger.ts'

const FILE = 'binlog.000001'

test('the newest visible end is acknowledged, in the source’s words, once, and nothing beyond it', () => {
  const sent: number[] = []
  const acknowledger = new Acknowledger(({ place }) => sent.push(place.position))
  const expectEnds = (...ends: number[]): void => {
    for (const position of ends) {
      const place = { file: 'source.000007', position: position + 1000 }
      acknowledger.expect({ end: { file: FILE, position }, place, arrivedAtMs: 0 })
    }
  }
  acknowledger.visible({ file: FILE, position: 100 })
  expectEnds(200, 400)
  acknowledger.visible({ file: FILE, position: 199 })
  expect(sent).toEqual([])
  acknowledger.visible({ file: FILE, position: 300 })
  expect(sent).toEqual([1200])
  expectEnds(500, 600)
  acknowledger.visible({ file: FILE, position: 500 })
  acknowledger.visible({ file: FILE, position: 599 })
  expect(sent).toEqual([1200, 1500])
  acknowledger.visible({ file: 'binlog.000002', position: 4 })
  acknowledger.visible({ file: 'binlog.000002', position: 900 })
  expect(sent).toEqual([1200, 1500, 1600])
})
