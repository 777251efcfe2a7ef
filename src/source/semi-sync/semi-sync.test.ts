import { expect, test } from 'vitest'
import { type LogFields, type Logger, silentLogger } from '../../lib/index.ts'
import { SemiSync } from './semi-sync.ts'

const asked = { marked: true, reason: undefined }
const waits = (unacknowledged: number) => ({ waits: true, unacknowledged, reason: undefined })
const stopped = (unacknowledged: number) => ({ waits: false, unacknowledged, reason: 'stopped' })

function make() {
  const said: [string, LogFields][] = []
  const say = (fields: LogFields, text: string): void => void said.push([text, fields])
  const logger: Logger = { ...silentLogger, info: say, warn: say }
  return { semiSync: new SemiSync(true, logger), said }
}

test('a source that stops waiting is not waiting, whatever it is told, until it says so; each is said once', () => {
  const { semiSync, said } = make()
  semiSync.begun('one', asked, undefined)
  semiSync.seen(waits(0))
  expect(semiSync).toMatchObject({ active: true, reason: undefined })
  expect(said).toEqual([])
  for (const count of [2, 7]) semiSync.seen(stopped(count))
  semiSync.told({ file: 'binlog.000001', position: 200 }, 5)
  expect(semiSync).toMatchObject({ active: false, reason: 'stopped', unacknowledged: 7 })
  expect(said).toEqual([['stopped', { commits: 2 }]])
  semiSync.seen(waits(7))
  expect(semiSync).toMatchObject({ active: true, reason: undefined, acks: 1 })
  expect(said.slice(1)).toEqual([['commits on the source wait for us', { commits: 0 }]])
})

test('a source that stopped and waits again between two looks is known by its count', () => {
  const { semiSync, said } = make()
  semiSync.begun('one', asked, undefined)
  // What it counted before is not ours to say.
  semiSync.seen(waits(40))
  semiSync.seen(waits(43))
  expect(semiSync).toMatchObject({ active: true, unacknowledged: 3 })
  expect(said).toEqual([[expect.stringMatching(/^commits on the source went on/), { commits: 3 }]])
})

test('a source that starts anew counts anew, and another one by itself', () => {
  const { semiSync } = make()
  semiSync.begun('one', asked, undefined)
  for (const count of [10, 12, 1]) semiSync.seen(waits(count))
  expect(semiSync.unacknowledged).toBe(3)
  semiSync.begun('two', asked, undefined)
  semiSync.seen(waits(500))
  semiSync.seen(waits(501))
  expect(semiSync.unacknowledged).toBe(4)
})

test('a dump that is no semi-sync one is not waited for, though the source waits for others', () => {
  const { semiSync, said } = make()
  semiSync.begun('one', { marked: false, reason: 'no plugin' }, undefined)
  semiSync.seen(waits(0))
  semiSync.seen(undefined)
  expect(semiSync).toMatchObject({ active: false, reason: 'no plugin' })
  semiSync.begun('one', undefined, 'replicas lack something')
  semiSync.seen(waits(0))
  semiSync.begun('one', undefined, 'replicas lack something')
  expect(semiSync).toMatchObject({ active: false, reason: 'replicas lack something' })
  expect(said.map(([text]) => text)).toEqual(['no plugin', 'replicas lack something'])
})
