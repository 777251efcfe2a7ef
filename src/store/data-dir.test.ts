import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemDisk, systemRandom } from '../platform/index.ts'
import { type DataDir, type IdentityWishes, openDataDir } from './data-dir.ts'

let path: string
const held: DataDir[] = []
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'kingbus-dir-')), 'data')
})
afterEach(async () => {
  for (const dir of held.splice(0)) await dir.release()
  rmSync(join(path, '..'), { recursive: true, force: true })
})

async function open(wishes?: IdentityWishes): Promise<DataDir> {
  const options = { disk: systemDisk, random: systemRandom, path, ...(wishes && { wishes }) }
  const dir = await openDataDir(options)
  held.push(dir)
  return dir
}

async function close(): Promise<void> {
  for (const dir of held.splice(0)) await dir.release()
}

describe('a data directory', () => {
  it('is made for its owner alone and keeps its identity', async () => {
    const first = await open()
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(first.identity.serverId).toBeGreaterThan(0)
    await close()
    expect((await open()).identity).toEqual(first.identity)
  })

  it('takes what the configuration sets, and keeps the rest', async () => {
    const first = await open()
    await close()
    const second = await open({ serverId: 4711 })
    expect(second.identity).toEqual({ ...first.identity, serverId: 4711 })
    await close()
    expect((await open()).identity.serverId).toBe(4711)
  })

  it('refuses a second holder and names itself', async () => {
    await open()
    await expect(open()).rejects.toMatchObject({ code: 'E_DATA_DIR_LOCKED', context: { path } })
    const source = `
      import { createRequire } from 'node:module'
      import { openSync } from 'node:fs'
      const { tryLock } = createRequire('${import.meta.filename}')('fs-native-extensions')
      process.exit(tryLock(openSync('${path}/lock', 'a+')) ? 1 : 0)`
    const other = spawnSync(process.execPath, ['--input-type=module', '-e', source])
    expect(other.status).toBe(0)
  })

  it('of another format version is refused and left as it is', async () => {
    const { identity } = await open()
    await close()
    const text = JSON.stringify({ ...identity, formatVersion: 2 })
    writeFileSync(join(path, 'identity.json'), text)
    await expect(open()).rejects.toMatchObject({ code: 'E_STORE_FORMAT' })
    expect(readFileSync(join(path, 'identity.json'), 'utf8')).toBe(text)
  })

  it('whose store id or number changed on the disk is refused, and names the file', async () => {
    const { identity } = await open()
    await close()
    const file = join(path, 'identity.json')
    const text = readFileSync(file, 'utf8')
    for (const digits of [identity.storeId, identity.serverUuid, `${identity.serverId}`]) {
      const other = digits.replace(/\d/, (digit) => `${(Number(digit) + 1) % 10}`)
      writeFileSync(file, text.replace(digits, other))
      await expect(open()).rejects.toMatchObject({
        code: 'E_DATA_DIR_INVALID',
        message: expect.stringContaining(`${file}: its content is not the one`) as string,
      })
    }
  })

  it('of before there were checks gets one', async () => {
    const { identity } = await open()
    await close()
    const file = join(path, 'identity.json')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, JSON.stringify(identity))
    expect((await open()).identity).toEqual(identity)
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it.each(['', '{', '[]', '{"formatVersion":1}', '{"formatVersion":1,"storeId":"x"}'])(
    'with the identity %j is refused and can be opened when it is put right',
    async (text) => {
      const { identity } = await open()
      await close()
      writeFileSync(join(path, 'identity.json'), text)
      await expect(open()).rejects.toHaveProperty('name', 'OperationalError')
      writeFileSync(join(path, 'identity.json'), JSON.stringify(identity))
      expect((await open()).identity).toEqual(identity)
    },
  )
})
