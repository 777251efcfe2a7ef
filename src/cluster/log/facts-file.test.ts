import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemDisk } from '../../platform/index.ts'
import { NO_FACTS } from '../protocol/log/durable-facts.ts'
import { readFacts, readHeld, writeFacts } from './facts-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-facts-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('what a node keeps beside its log', () => {
  it('is nothing at first, and then what was written', async () => {
    const path = join(folder, 'cluster.json')
    expect(await readFacts(systemDisk, path)).toEqual(NO_FACTS)
    const facts = { promised: 7, known: 41, cluster: 'c-1', seen: { epoch: 7, version: 12 } }
    await writeFacts(systemDisk, path, NO_FACTS, 0)
    expect(await readFacts(systemDisk, path)).toEqual(NO_FACTS)
    await writeFacts(systemDisk, path, facts, 40)
    expect(await readFacts(systemDisk, path)).toEqual(facts)
    expect(await readHeld(systemDisk, path)).toBe(40)
    await writeFacts(systemDisk, path, facts, 99)
    expect(await readHeld(systemDisk, path)).toBe(41)
  })

  it('tells of no record in the log when it was written before there was such a field', async () => {
    const path = join(folder, 'cluster.json')
    expect(await readHeld(systemDisk, path)).toBe(0)
    writeFileSync(path, '{"version":1,"promised":7,"known":41,"seen":{"epoch":7,"version":12}}')
    expect(await readFacts(systemDisk, path)).toMatchObject({ promised: 7, known: 41 })
    expect(await readHeld(systemDisk, path)).toBe(0)
  })

  it('waits for room on a full disk, and keeps what it was until then', async () => {
    const path = join(folder, 'cluster.json')
    await writeFacts(systemDisk, path, NO_FACTS, 0)
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
    const disk = { ...systemDisk, replaceFile: () => Promise.reject(full) }
    const facts = { ...NO_FACTS, promised: 1 }
    await expect(writeFacts(disk, path, facts, 0)).rejects.toMatchObject({ code: 'E_DISK_FULL' })
    expect(await readFacts(systemDisk, path)).toEqual(NO_FACTS)
  })

  it.each(['exists', 'readFile'] as const)(
    'is asked for again where a disk fails at %s',
    async (what) => {
      const path = join(folder, 'cluster.json')
      await writeFacts(systemDisk, path, NO_FACTS, 0)
      const eio = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
      const disk = { ...systemDisk, [what]: () => Promise.reject(eio) }
      const told = { code: 'E_STORE_WRITE', reaction: 'pause' }
      await expect(readFacts(disk, path)).rejects.toMatchObject(told)
    },
  )

  it.each([
    '',
    '{}',
    'null',
    '{"version":1}',
    '{"version":1,"promised":-1,"known":0,"seen":{"epoch":0,"version":0}}',
    '{"version":1,"promised":1,"known":0,"seen":{"epoch":0}}',
    '{"version":1,"promised":1,"known":0,"seen":{"epoch":0,"version":0},"held":-1}',
  ])('is not taken for nothing when it reads %j', async (text) => {
    const path = join(folder, 'cluster.json')
    writeFileSync(path, text)
    await expect(readFacts(systemDisk, path)).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
  })

  it('is not believed when a digit of it is another one', async () => {
    const path = join(folder, 'cluster.json')
    await writeFacts(systemDisk, path, { ...NO_FACTS, promised: 7, known: 41 }, 41)
    writeFileSync(path, readFileSync(path, 'utf8').replace('"promised": 7', '"promised": 3'))
    await expect(readFacts(systemDisk, path)).rejects.toMatchObject({
      code: 'E_STORE_DAMAGED',
      message: expect.stringContaining('its content is not the one') as string,
    })
  })

  it('of another version is refused', async () => {
    const path = join(folder, 'cluster.json')
    writeFileSync(path, '{"version":2}')
    await expect(readFacts(systemDisk, path)).rejects.toMatchObject({ code: 'E_STORE_FORMAT' })
  })
})
