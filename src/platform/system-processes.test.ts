import { readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk } from './system-disk.ts'
import { systemProcesses } from './system-processes.ts'
import { temporaryFolder } from './testing/temporary-folder.ts'

/** A program that says what it has of the environment, then waits for a signal. */
const PROGRAM = `process.stderr.write('one\\n' + (process.env.HIDDEN_X ?? 'none') + '\\nlast')
setInterval(() => {}, 1000)`

test('a child keeps the lock until it ends, and is found by it', async () => {
  const folder = temporaryFolder('processes')
  const lockPath = join(folder, 'lock')
  const outputPath = join(folder, 'output')
  const lines: string[] = []
  process.env['HIDDEN_X'] = 'seen'
  const command = {
    program: process.execPath,
    args: ['-e', PROGRAM],
    lockPath,
    outputPath,
    hiddenVariables: 'HIDDEN_',
    onLine: (line: string) => void lines.push(line),
  }
  const child = await systemProcesses.start(command)
  if (child === undefined) throw new Error('the lock was taken')

  expect(await systemDisk.isLocked(lockPath)).toBe(true)
  expect(await systemProcesses.start(command)).toBeUndefined()
  expect(await systemProcesses.holders(lockPath)).toEqual([child.pid])

  await expect.poll(() => lines).toContain('none')
  // With a pipe it would die at its next line when we are gone.
  expect(readlinkSync(`/proc/${child.pid}/fd/2`)).toBe(outputPath)
  systemProcesses.signal(child.pid, 'SIGKILL')
  expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' })
  expect(lines).toEqual(['one', 'none', 'last'])
  expect(await systemDisk.isLocked(lockPath)).toBe(false)
  systemProcesses.signal(child.pid, 'SIGTERM')
})

test('a program that is not there is refused with the system’s error, and the lock is free', async () => {
  const folder = temporaryFolder('processes')
  const lockPath = join(folder, 'lock')
  const command = {
    program: '/nowhere/etcd',
    args: [],
    lockPath,
    outputPath: join(folder, 'output'),
    hiddenVariables: 'HIDDEN_',
    onLine: () => {},
  }
  await expect(systemProcesses.start(command)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(systemProcesses.output('/nowhere/etcd', [], 1000)).rejects.toMatchObject({
    code: 'ENOENT',
  })
  expect(await systemDisk.isLocked(lockPath)).toBe(false)
})

test('a child that writes much fills no disk, and most of its lines arrive', async () => {
  const folder = temporaryFolder('processes')
  const outputPath = join(folder, 'output')
  let count = 0
  const child = await systemProcesses.start({
    program: process.execPath,
    args: ['-e', "for (let n = 0; n < 30000; n += 1) process.stderr.write('x'.repeat(99) + '\\n')"],
    lockPath: join(folder, 'lock'),
    outputPath,
    hiddenVariables: 'HIDDEN_',
    onLine: () => {
      count += 1
    },
  })
  await child?.ended
  // On a busy machine hundreds are written between the last read and each drop of what was read.
  expect(count).toBeGreaterThan(20_000)
  // Of 3 MB: what was read is dropped whenever it is more than 1 MB.
  expect(statSync(outputPath).size).toBeLessThan(1024 * 1024)
})
