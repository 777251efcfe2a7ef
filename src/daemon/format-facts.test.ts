import { expect, test } from 'vitest'
import { fixture } from '../../test/captured-files.ts'
import { silentLogger, Watch } from '../lib/index.ts'
import type { FileReader, VisibleEnd } from '../store/index.ts'
import { FormatFacts } from './format-facts.ts'

const FILE = fixture('mariadb-kinds.000001')
const endAt = (position: number): VisibleEnd => ({
  file: 'binlog.000001',
  position,
  sequence: position,
})

test('the first file’s version is known although its first event is shown while it is looked at', async () => {
  const visible = new Watch<VisibleEnd | undefined>(undefined)
  const openFile = (name: string): Promise<FileReader> => {
    const end = visible.value?.position ?? 4
    return Promise.resolve({
      name,
      read: (position: number) => ({ bytes: FILE.subarray(position, end), end }),
      // The source has nothing more to send then.
      close: async () => visible.set(endAt(FILE.length)),
    } as unknown as FileReader)
  }
  const facts = new FormatFacts({ visible, openFile }, silentLogger)
  const ended = new AbortController()
  const running = facts.run(ended.signal)
  expect([facts.flavor, facts.version]).toEqual(['mysql', '9.7.0-kingbus'])
  visible.set(endAt(4))
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  expect([facts.flavor, facts.version]).toEqual(['mariadb', '10.11.18-MariaDB-kingbus'])
  ended.abort()
  await running
})
