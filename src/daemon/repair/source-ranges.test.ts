import { expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../platform/index.ts'
import { SOURCE_LIMITS } from '../../source/index.ts'
import type { FileBegin } from '../../store/index.ts'
import { SourceRanges } from './source-ranges.ts'

/*
  What of our files no source has. Nobody is asked for it.
*/

const options: ConstructorParameters<typeof SourceRanges>[0] = {
  address: {
    dial: () => {
      throw new Error('nobody is to be asked')
    },
    host: 'db',
    port: 3306,
    user: 'repl',
    password: () => '',
    tls: { mode: 'disabled', authorities: () => undefined },
  },
  self: { serverId: 1, uuid: '90b578d4-e6e1-11f1-82c0-02fc00000002' },
  limits: SOURCE_LIMITS,
  clock: systemClock,
  random: systemRandom,
}

const origin = (sourcePosition: number, basePosition: number): FileBegin => ({
  name: 'binlog.000007',
  sourceUuid: '90b578d4-e6e1-11f1-82c0-02fc00000001',
  sourceFile: 'binlog.000005',
  sourcePosition,
  basePosition,
  purged: undefined,
})

const never = new AbortController().signal

test('the head of a file that was begun inside one of the source’s is asked of nobody', () => {
  const ranges = new SourceRanges(options, origin(9000, 500))
  expect(() => ranges.bytes({ from: 400, to: 600, start: 4 }, never)).toThrow(
    'what is before position 500 of binlog.000007 was made here when the file was begun inside binlog.000005',
  )
})

test('a file with a part of the source’s transactions is asked of nobody', () => {
  const ranges = new SourceRanges(options, origin(4, 500))
  expect(() => ranges.bytes({ from: 900, to: 1000, start: 800 }, never)).toThrow(
    'binlog.000007 has only a part of the transactions of binlog.000005 of the source',
  )
})
