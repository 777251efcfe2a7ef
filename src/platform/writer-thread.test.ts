import { execFile } from 'node:child_process'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryFolder } from './testing/temporary-folder.ts'
import { WriterThread } from './writer-thread.ts'

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

const newFile = (): number => openSync(join(temporaryFolder('writer'), 'file'), 'w+')
const bytes = Buffer.alloc(3000, 7)

test('each answer comes, whether the process has waited for it or not, and over the end of the numbers', async () => {
  // With a wait as short as this, many an answer comes just when the process has stopped waiting.
  const last = 2 ** 31 - 5000
  const writer = await WriterThread.start({ waitMs: 0.01, lastNumber: last })
  const fd = newFile()
  let late = 0
  for (let number = 0; number < 10_000; number += 1) {
    const position = (number % 100) * bytes.length
    const answer = writer.write({ fd, bytes, position, sync: number % 50 === 0 })
    if (typeof answer !== 'number') late += 1
    await answer
  }
  expect(late).toBeGreaterThan(0)
  expect(late).toBeLessThan(10_000)
  await writer.end()
})

test('a thread that has ended leaves nobody waiting, and fails what is asked of it', async () => {
  const writer = await WriterThread.start({ waitMs: 0 })
  const request = { fd: newFile(), bytes, position: 0, sync: true }
  const failed = { code: 'EIO', syscall: 'fdatasync' }
  const waiting = Array.from({ length: 100 }, async () => await writer.write(request))
  const outcome = Promise.allSettled(waiting)
  await writer.end()
  expect((await outcome).at(-1)).toMatchObject({ status: 'rejected', reason: failed })
  expect(writer.hasEnded).toBe(true)
  expect(() => writer.write(request)).toThrow(expect.objectContaining(failed))
})
