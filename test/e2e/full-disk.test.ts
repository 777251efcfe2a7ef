import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { TroubledNode } from '../crashes/disk-trouble/troubled-node.ts'
import { endEverything } from './harness/child.ts'
import { OwnDisk } from './harness/disks/own-disk.ts'
import { replicationPassword, replicationUser } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

const FULL = { state: 'full', code: 'E_DISK_FULL' }
/** What is left may be enough for the binlog and not for its index, or the other way round. */
const BLOCKS_LEFT = [0, 1, 3]

const obstacle = await OwnDisk.obstacle()
if (obstacle === undefined) {
  describe.each([true, false])('semi-sync %s:', (semiSync) => {
    test('a disk that is full again and again loses nothing and tears nothing', async () => {
      const disk = new OwnDisk('full')
      const node = await TroubledNode.start({ seed: 1, disk: disk.folder, semiSync })
      await node.beginLoad()
      for (const blocks of BLOCKS_LEFT) {
        if (blocks === 0) await disk.fill()
        else await disk.fillBut(blocks)
        await node.waitForTrouble(FULL)
        await node.expectNoCommit(() => node.expectServed())
        await disk.makeRoom()
        await node.waitForRecovery()
        await node.expectMore()
      }
      expect(node.timesTold('full')).toBe(BLOCKS_LEFT.length)
      await node.rest()
    }, 90_000)
  })

  test('a file begins when there is room again', async () => {
    const disk = new OwnDisk('full')
    const node = await TroubledNode.start({ seed: 2, disk: disk.folder, semiSync: false })
    const { source, kingbus } = node
    const before = kingbus.binlogs().length
    await disk.fill()
    await source.sql('FLUSH BINARY LOGS', 'FLUSH BINARY LOGS')
    await node.waitForTrouble(FULL)
    await node.expectServed()
    await disk.makeRoom()
    await waitFor(
      { what: 'the files to begin' },
      async () => kingbus.binlogs().length === before + 2,
    )
    await node.beginLoad()
    await node.rest()
  }, 60_000)

  test('a node that is killed while its disk is full starts, serves, and goes on with room', async () => {
    const disk = new OwnDisk('full')
    const node = await TroubledNode.start({ seed: 3, disk: disk.folder, semiSync: true })
    await node.beginLoad()
    await disk.fill()
    await node.waitForTrouble(FULL)
    await node.kingbus.kill9()
    await node.kingbus.launch()
    await node.waitForTrouble(FULL)
    await node.expectNoCommit(async () => {
      const replica = await Replica.start(node.kingbus, { serverId: 3 })
      await replica.waitForGtids((await node.kingbus.status()).gtidExecuted)
    })
    await disk.makeRoom()
    await node.waitForRecovery()
    await node.expectMore()
    await node.rest()
  }, 60_000)

  test('what commands and replicas leave in small files is refused or kept for later, never half', async () => {
    const disk = new OwnDisk('full')
    const users = join(disk.folder, 'users.yaml')
    const user = `name: ${replicationUser}, password: ${replicationPassword}, rights: [replicate]`
    writeFileSync(users, `- {${user}}\n`, { mode: 0o600 })
    const flags = { 'serve-users-file': users }
    const node = await TroubledNode.start({ seed: 4, disk: disk.folder, semiSync: false, flags })
    const { kingbus, replica } = node
    const desired = join(kingbus.dataFolder, 'desired.json')
    const replicas = join(kingbus.dataFolder, 'replicas.json')
    const stop = (): Promise<unknown> => kingbus.request('POST', '/api/v1/source/stop')
    const addUser = (): Promise<unknown> =>
      kingbus.request('POST', '/api/v1/users', { name: 'one', password: 'p', rights: ['monitor'] })
    await disk.fill()
    await expect(stop()).rejects.toThrow('E_DISK_FULL')
    await expect(addUser()).rejects.toThrow('E_DISK_FULL')
    expect(existsSync(desired)).toBe(false)
    expect(readFileSync(users, 'utf8')).toBe(`- {${user}}\n`)
    const known = textOf(replicas)
    const other = await Replica.start(kingbus, { serverId: 3 })
    await other.waitForGtids((await kingbus.status()).gtidExecuted)
    const uuid = await other.server.value('SELECT @@server_uuid')
    expect(textOf(replicas)).toBe(known)
    await disk.makeRoom()
    await stop()
    expect(readFileSync(desired, 'utf8')).toContain('"isSourceRunning": false')
    await addUser()
    expect(readFileSync(users, 'utf8')).toContain('one')
    await waitFor({ what: 'the replica to be remembered' }, async () =>
      textOf(replicas).includes(uuid),
    )
    await kingbus.request('POST', '/api/v1/source/start')
    await node.beginLoad()
    expect(await replica.bothThreadsRun()).toBe(true)
    await node.rest()
  }, 60_000)
} else {
  test.skip(`${obstacle}: disks that are full`)
  console.warn(`${obstacle}: disks that are full are left out`)
}

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')
