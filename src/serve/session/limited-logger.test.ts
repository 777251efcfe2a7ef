import { expect, test } from 'vitest'
import { type LogFields, type Logger, silentLogger } from '../../lib/index.ts'
import { FakeClock } from '../dump/testing/fake-clock.ts'
import { LimitedLogger } from './limited-logger.ts'

test('one message is written 20 times in ten seconds, and the next line says how many were left out', () => {
  const written: [string, LogFields][] = []
  const write = (fields: LogFields, message: string): void => void written.push([message, fields])
  const inner: Logger = { ...silentLogger, warn: write, error: write, child: () => inner }
  const clock = new FakeClock()
  const logger = new LimitedLogger(inner, clock)
  for (let count = 0; count < 1000; count += 1) logger.child({ count }).warn({ count }, 'refused')
  logger.warn({}, 'another thing')
  for (let count = 0; count < 30; count += 1) logger.error({}, 'always')
  expect(written.filter(([message]) => message === 'refused')).toHaveLength(20)
  expect(written.filter(([message]) => message === 'another thing')).toHaveLength(1)
  expect(written.filter(([message]) => message === 'always')).toHaveLength(30)
  clock.pass(10_000)
  logger.warn({ count: 7 }, 'refused')
  expect(written.at(-1)).toEqual(['refused', { count: 7, leftOut: 980 }])
})
