import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk } from './system-disk.ts'
import { systemProcesses } from './system-processes.ts'
import { temporaryFolder } from './testing/temporary-folder.ts'

/** A program that says what it has of the environment, then waits for a signal. */
const PROGRAM = `process.stderr.write('one\\n' + (process.env.HIDDEN_X ?? 'none') + '\\nlast')
setInterval(() => {}, 1000)`

test('a child keeps the lock until it ends, and is found by it', async () => {
  const lockPath = join(temporaryFolder('processes'), 'lock')
  const lines: string[] = []
  process.env['HIDDEN_X'] = 'seen'
  const command = {
    program: process.execPath,
    args: ['-e', PROGRAM],
    lockPath,
    hiddenVariables: 'HIDDEN_',
    onLine: (line: string) => void lines.push(line),
  }
  const child = await systemProcesses.start(command)
  if (child === undefined) throw new Error('the lock was taken')

  expect(await systemDisk.isLocked(lockPath)).toBe(true)
  expect(await systemProcesses.start(command)).toBeUndefined()
  expect(await systemProcesses.holders(lockPath)).toEqual([child.pid])

  await expect.poll(() => lines).toContain('none')
  systemProcesses.signal(child.pid, 'SIGKILL')
  expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' })
  expect(lines).toEqual(['one', 'none', 'last'])
  expect(await systemDisk.isLocked(lockPath)).toBe(false)
  systemProcesses.signal(child.pid, 'SIGTERM')
})

test('a program that is not there is refused with the system’s error, and the lock is free', async () => {
  const lockPath = join(temporaryFolder('processes'), 'lock')
  const command = {
    program: '/nowhere/etcd',
    args: [],
    lockPath,
    hiddenVariables: 'HIDDEN_',
    onLine: () => {},
  }
  await expect(systemProcesses.start(command)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(systemProcesses.output('/nowhere/etcd', [], 1000)).rejects.toMatchObject({
    code: 'ENOENT',
  })
  expect(await systemDisk.isLocked(lockPath)).toBe(false)
})
