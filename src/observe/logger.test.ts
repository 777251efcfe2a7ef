import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'

function logged(level: 'debug' | 'info' | 'warn' | 'error') {
  const lines: Array<Record<string, unknown>> = []
  const output = { write: (line: string) => void lines.push(JSON.parse(line)) }
  return { lines, log: createLogger({ level, format: 'json' }, output) }
}

test('a line has its level as a word, its time, its message, and the fields of its ancestors', () => {
  const { lines, log } = logged('info')
  log
    .child({ part: 'source' })
    .child({ try: 1 })
    .info({ position: 2n ** 60n }, 'connected')
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      part: 'source',
      try: 1,
      position: 1_152_921_504_606_846_976,
      msg: 'connected',
    },
  ])
})

test('lines below the level are not written', () => {
  const { lines, log } = logged('warn')
  log.debug({}, 'a')
  log.info({}, 'b')
  log.warn({}, 'c')
  log.error({}, 'd')
  expect(lines.map(({ msg }) => msg)).toEqual(['c', 'd'])
})
