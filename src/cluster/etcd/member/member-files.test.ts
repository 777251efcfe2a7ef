import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { decodeCheckedJson } from '../../../lib/index.ts'
import { systemDisk } from '../../../platform/index.ts'
import { flipBit } from '../../../platform/testing/flip-bit.ts'
import { temporaryFolder } from '../../../platform/testing/temporary-folder.ts'
import { MemberFiles } from './member-files.ts'

it('that etcd was there counts whatever became of the file that says so, and it is made whole again', async () => {
  const dataDir = temporaryFolder('member-files')
  const files = new MemberFiles(dataDir, systemDisk)
  await files.makeFolder()
  await files.noteJoined()
  expect(await files.history()).toEqual({ hasData: false, hasJoined: false })
  mkdirSync(join(dataDir, 'etcd', 'member', 'wal'), { recursive: true })
  await files.noteJoined()
  const path = join(dataDir, 'etcd-member', 'joined.json')
  const whole = readFileSync(path)
  const { ino } = statSync(path)
  await files.noteJoined()
  expect(statSync(path).ino).toBe(ino)
  for (let bit = 0; bit < 8 * whole.length; bit += 7) {
    flipBit(path, bit >> 3, bit & 7)
    expect((await files.history()).hasJoined).toBe(true)
    await files.noteJoined()
    expect([bit, readFileSync(path).equals(whole)]).toEqual([bit, true])
  }
  expect(decodeCheckedJson(whole.toString())).toEqual({ format: 1 })
  writeFileSync(path, '{"format":1}')
  await files.noteJoined()
  expect(readFileSync(path).equals(whole)).toBe(true)
})
