import { expect, it } from 'vitest'
import { systemDisk } from '../../platform/index.ts'
import { opening } from '../../platform/open-files.ts'
import { FileReplicaMemory } from './replica-memory.ts'

it.each([
  ['EMFILE', 'E_OPEN_FILES'],
  ['ENFILE', 'E_OPEN_FILES'],
  ['ENOSPC', 'E_DISK_FULL'],
  ['EROFS', 'E_DATA_DIR_INVALID'],
])('what keeps replicas.json from being written after %s is told as %s', async (system, code) => {
  const refused = Object.assign(new Error(system), { code: system })
  const disk = {
    ...systemDisk,
    replaceFile: (path: string) => opening(path, () => Promise.reject(refused)),
  }
  const memory = new FileReplicaMemory(disk, '/data/replicas.json')
  await expect(memory.write([])).rejects.toMatchObject({ code })
})
