import { expect, test } from 'vitest'
import { LimitedLogger } from './limited-logger.ts'
import { type LogFields, type Logger, silentLogger } from './telemetry.ts'

test('one message is written 20 times in ten seconds, and the next line says how many were left out', () => {
  const written: [string, LogFields][] = []
  const write = (fields: LogFields, message: string): void => void written.push([message, fields])
  const inner: Logger = { ...silentLogger, warn: write, error: write, child: () => inner }
  let nowMs = 0
  const logger = new LimitedLogger(inner, { monotonicMs: () => nowMs })
  for (let count = 0; count < 1000; count += 1) logger.child({ count }).warn({ count }, 'refused')
  logger.warn({}, 'another thing')
  for (let count = 0; count < 30; count += 1) logger.error({}, 'always')
  expect(written.filter(([message]) => message === 'refused')).toHaveLength(20)
  expect(written.filter(([message]) => message === 'another thing')).toHaveLength(1)
  expect(written.filter(([message]) => message === 'always')).toHaveLength(30)
  nowMs = 10_000
  logger.warn({ count: 7 }, 'refused')
  expect(written.at(-1)).toEqual(['refused', { count: 7, leftOut: 980 }])
})
