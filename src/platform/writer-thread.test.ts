import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryFolder } from './testing/temporary-folder.ts'

// A process of its own, in which nothing else is waited for, as at a start. The sync of so much takes its time.
const PROGRAM = `
  import { openSync, writeSync } from 'node:fs'
  const { WriterThread } = await import('./src/platform/writer-thread.ts')
  const writer = await WriterThread.start()
  const fd = openSync(process.argv[1], 'w')
  const piece = Buffer.alloc(2 ** 20, 1)
  for (let at = 0; at < 256; at += 1) writeSync(fd, piece, 0, piece.length, at * piece.length)
  await writer.write({ fd, bytes: Buffer.from('x'), position: 0, sync: true })
  console.log('answered')
`

test('a process lives until its disk has answered', async () => {
  const file = join(temporaryFolder('writer'), 'file')
  const args = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM, file]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toBe('answered\n')
})
