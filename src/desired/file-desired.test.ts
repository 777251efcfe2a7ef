import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Disk, systemDisk } from '../platform/index.ts'
import { SeededRandom } from '../platform/testing/seeded-random.ts'
import { SimulatedClock } from '../platform/testing/simulated-clock.ts'
import { SimulatedDisk } from '../platform/testing/simulated-disk.ts'
import { SimulatedProcess } from '../platform/testing/simulated-process.ts'
import { temporaryFolder } from '../platform/testing/temporary-folder.ts'
import type { Desired } from './desired.ts'
import { FileDesired } from './file-desired.ts'
import {
  exampleRetention,
  exampleSource,
  exampleDesired as first,
} from './testing/example-desired.ts'

let path: string

beforeEach(() => {
  path = `${temporaryFolder('desired')}/desired.json`
})

function open(configured: Desired = first, disk: Disk = systemDisk): Promise<FileDesired> {
  return FileDesired.open({ disk, path, first: configured })
}

const stopped = (now: Desired): Desired => ({ ...now, isSourceRunning: false })

describe('what the operator wants of one node', () => {
  it('is what the configuration says, and nothing is kept, until a command changes it', async () => {
    const desired = await open()
    expect(desired.value.value).toEqual(first)
    await desired.change((now) => ({ ...now }))
    expect(existsSync(path)).toBe(false)
  })

  it('holds at the next start where a command changed it, and nowhere else', async () => {
    await (await open()).change(stopped)
    const other: Desired = { ...first, retention: { ...exampleRetention, maxSizeBytes: 9 } }
    expect((await open(other)).value.value).toEqual({ ...other, isSourceRunning: false })
  })

  it('is kept where only its owner can read it', async () => {
    const desired = await open()
    await desired.change((now) => ({ ...now, source: { ...exampleSource, host: 'db2' } }))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    chmodSync(path, 0o640)
    await expect(open()).rejects.toMatchObject({ code: 'E_SECRET_EXPOSED' })
  })

  it('may be no source at all, also where the configuration has one', async () => {
    await (await open()).change((now) => ({ ...now, source: undefined }))
    expect((await open()).value.value.source).toBeUndefined()
  })

  it('comes back as it was changed, every part of it', async () => {
    const wanted: Desired = {
      source: {
        ...exampleSource,
        caFile: '/ca.pem',
        startAt: 'aaaaaaaa-0000-4000-8000-000000004711:1-5',
      },
      self: { serverId: 1, uuid: 'bbbbbbbb-0000-4000-8000-000000004711' },
      isSourceRunning: false,
      retention: { maxSizeBytes: 10, maxAgeMs: 20, keepForAbsentReplicasMs: 30, ceilingBytes: 40 },
      users: undefined,
    }
    await (await open()).change(() => wanted)
    expect((await open()).value.value).toEqual(wanted)
  })

  it('is told to those who follow it, once it is kept', async () => {
    const desired = await open()
    const seen: [boolean, boolean][] = []
    desired.value.follow(({ isSourceRunning }) => seen.push([isSourceRunning, existsSync(path)]))
    await desired.change(stopped)
    expect(seen).toEqual([[false, true]])
  })

  it('takes changes that are made at once one after another', async () => {
    const desired = await open()
    const add = (now: Desired): Desired => ({
      ...now,
      self: { ...now.self, serverId: now.self.serverId + 1 },
    })
    await Promise.all(Array.from({ length: 20 }, () => desired.change(add)))
    expect((await open()).value.value.self.serverId).toBe(first.self.serverId + 20)
  })
})

describe('a change that cannot be', () => {
  it('is refused in words without a secret, and the next one is made', async () => {
    const desired = await open()
    const refused = desired.change((now) => ({
      ...now,
      source: { ...exampleSource, startAt: 'yesterday' },
    }))
    const message = 'source.startAt: must be oldest, newest or a GTID set'
    await expect(refused).rejects.toMatchObject({ code: 'E_CONFIG_INVALID', message })
    await desired.change(stopped)
    expect(desired.value.value).toEqual({ ...first, isSourceRunning: false })
  })

  it.each([
    ['ENOSPC', 'E_DISK_FULL'],
    ['EIO', 'E_DATA_DIR_INVALID'],
  ])('be written because of %s leaves what held', async (system, code) => {
    const replaceFile = () => Promise.reject(Object.assign(new Error('no'), { code: system }))
    const desired = await open(first, { ...systemDisk, replaceFile })
    await expect(desired.change(stopped)).rejects.toMatchObject({ code })
    expect(desired.value.value).toEqual(first)
  })
})

describe('a file that is not what was written', () => {
  it('since one bit of it flipped is refused, and holds once it is edited without its check', async () => {
    await (await open()).change((now) => ({ ...now, source: { ...exampleSource, port: 4406 } }))
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace('4406', '4407'))
    const message = `${path}, which keeps what was set by commands, is not usable: its content is not the one`
    await expect(open()).rejects.toMatchObject({
      code: 'E_DATA_DIR_INVALID',
      message: expect.stringContaining(message) as string,
    })
    writeFileSync(path, text.replace('4406', '4407').replace(/ {2}"check".*\n/, ''))
    expect((await open()).value.value.source?.port).toBe(4407)
  })

  it.each([
    '',
    '{"source": "secret',
    '{"formatVersion":2}',
    '{"formatVersion":1,"source":{}}',
    '[]',
  ])('(%s) is named, and what is in it is not told', async (text) => {
    writeFileSync(path, text, { mode: 0o600 })
    const refused = await open().catch((thrown: unknown) => thrown)
    expect(refused).toMatchObject({ code: 'E_DATA_DIR_INVALID' })
    expect((refused as Error).message).toContain(path)
    expect((refused as Error).message).not.toContain('secret')
    expect(readFileSync(path, 'utf8')).toBe(text)
  })
})

/** Lets time go on until the work is done, or its process has died: undefined. */
async function driven<T>(work: Promise<T>, clock: SimulatedClock, isDead: () => boolean) {
  const seen: { over?: { readonly result: T } } = {}
  void work.then((result) => {
    seen.over = { result }
  })
  while (seen.over === undefined && !isDead()) {
    await new Promise(setImmediate)
    if (seen.over === undefined && !isDead()) clock.step()
  }
  return seen.over
}

describe('power that is cut at any moment', () => {
  it('leaves what was answered, or what was on its way', async () => {
    let wasOnItsWay = 0
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = new SeededRandom(seed)
      const clock = new SimulatedClock()
      const simulated = new SimulatedDisk(clock, random)
      let answered = first.self.serverId
      for (let life = 0; life < 4; life += 1) {
        const disk = new SimulatedProcess(simulated, () => {})
        const isDead = (): boolean => disk.isDead
        const desired = (await driven(open(first, disk), clock, isDead))?.result
        const found = desired?.value.value.self.serverId
        expect([answered, answered + 1]).toContain(found)
        if (desired === undefined || found === undefined) throw new Error('it did not open')
        if (found !== answered) wasOnItsWay += 1
        answered = found
        simulated.armDeath(random.chance(0.5) ? 'power cut' : 'kill', random.between(0, 12))
        while (!isDead()) {
          const serverId = answered + 1
          const made = desired.change((now) => ({ ...now, self: { ...now.self, serverId } }))
          if ((await driven(made, clock, isDead)) !== undefined) answered = serverId
        }
      }
    }
    expect(wasOnItsWay).toBeGreaterThan(10)
  })
})
