import { writeFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { TroubledNode } from '../crashes/disk-trouble/troubled-node.ts'
import { damagesOf } from '../crashes/world/losses.ts'
import { endEverything } from './harness/child.ts'
import { OwnDisk } from './harness/disks/own-disk.ts'
import { ThinDisk } from './harness/disks/thin-disk.ts'
import { pause } from './harness/wait.ts'

afterEach(endEverything)

const FAILED = { state: 'failed', code: 'E_STORE_WRITE' }
const READ_ONLY = { state: 'read-only', code: 'E_DISK_READ_ONLY' }
const SLOW = { state: 'slow', code: 'E_DISK_SLOW' }
const ROUNDS = 2
/** Waits that double from 1 to 10 s, in as much time as the test takes. */
const TOLD_MOST = 12
/** Longer than a node waits before it looks again whether a disk that has failed takes something. */
const SOME_TRIES_MS = 2500

const obstacle = await OwnDisk.obstacle()
if (obstacle === undefined) {
  describe.each([true, false])('semi-sync %s:', (semiSync) => {
    test('a node whose disk loses what is written goes on from what it had', async () => {
      const disk = new ThinDisk('eio')
      const node = await TroubledNode.start({ seed: 1, disk: disk.folder, semiSync })
      await node.beginLoad()
      for (let round = 1; round <= ROUNDS; round += 1) {
        disk.exhaust()
        await node.waitForTrouble(FAILED)
        await node.expectNoCommit(async () => {
          await node.expectServed()
          await pause(SOME_TRIES_MS)
        })
        expect((await node.kingbus.run('status')).code).toBe(1)
        disk.makeRoom()
        await node.waitForRecovery()
        await node.expectMore()
        // From here on everything is read from the device.
        writeFileSync('/proc/sys/vm/drop_caches', '3')
        expect(await damagesOf(node.kingbus)).toEqual([])
      }
      // A disk that takes what it had, and nothing new, is told again at each try; these become seldom.
      expect(node.timesTold('failed')).toBeLessThanOrEqual(TOLD_MOST)
      await node.rest()
    }, 90_000)
  })

  test('a file begins when a read-only file system may be written again', async () => {
    const disk = new OwnDisk('read-only')
    const node = await TroubledNode.start({ seed: 2, disk: disk.folder, semiSync: true })
    await node.beginLoad()
    disk.beReadOnly()
    await node.waitForTrouble(READ_ONLY)
    await node.expectNoCommit(async () => {
      await node.expectServed()
      await pause(SOME_TRIES_MS)
    })
    expect((await node.kingbus.run('status')).code).toBe(1)
    expect(node.timesTold('read-only')).toBe(1)
    disk.beWritable()
    await node.waitForRecovery()
    await node.expectMore()
    await node.rest()
  }, 60_000)

  test('a file system in which the kernel finds an error is served, and gone on with once mounted again', async () => {
    const disk = new OwnDisk('error')
    const node = await TroubledNode.start({ seed: 3, disk: disk.folder, semiSync: true })
    await node.beginLoad()
    disk.findError()
    await node.waitForTrouble(READ_ONLY)
    await node.expectNoCommit(async () => {
      await node.expectServed()
      await pause(SOME_TRIES_MS)
    })
    await node.kingbus.stop()
    expect(node.kingbus.exitCode).toBe(0)
    disk.restorePower()
    await node.kingbus.launch()
    await node.expectMore()
    await node.rest()
  }, 60_000)

  test('a disk that hangs for seconds again and again is told each time, and all goes on behind it', async () => {
    const disk = new OwnDisk('slow')
    const node = await TroubledNode.start({ seed: 4, disk: disk.folder, semiSync: true })
    await node.beginLoad()
    for (let round = 1; round <= ROUNDS; round += 1) {
      await disk.freeze()
      await node.waitForTrouble(SLOW)
      await node.expectNoCommit(() => node.expectServed())
      await disk.thaw()
      await node.waitForRecovery()
      await node.expectMore()
    }
    expect(node.timesTold('slow')).toBe(ROUNDS)
    await node.rest()
  }, 60_000)
} else {
  test.skip(`${obstacle}: disks that fail`)
  console.warn(`${obstacle}: disks that fail are left out`)
}
