import { afterEach, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { compareBinlogs } from './harness/compare.ts'
import { OwnDisk } from './harness/disks/own-disk.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { Mysqld } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

interface DiskStatus {
  readonly state: string
  readonly error: { readonly code: string } | null
}

const diskOf = async (kingbus: Kingbus): Promise<DiskStatus> =>
  (await kingbus.status())['disk'] as DiskStatus

const obstacle = await OwnDisk.obstacle()
if (obstacle === undefined) {
  test('a frozen disk is seen while it lasts, and nothing is acknowledged before it thaws', async () => {
    const disk = new OwnDisk('trouble')
    const options = { 'plugin-load-add': 'semisync_source.so', max_binlog_size: '1M' }
    const source = await Mysqld.start({ serverId: 1, options })
    const flags = { 'source-semi-sync': 'true', 'disk-min-free': '1' }
    const { folder } = disk
    const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, disk: folder, flags })
    await kingbus.catchUpWith(source)
    await source.sql(
      'SET GLOBAL rpl_semi_sync_source_timeout = 3600000',
      'SET GLOBAL rpl_semi_sync_source_enabled = ON',
    )
    const replica = await Replica.start(kingbus, { serverId: 2 })
    const load = await Load.start(source, { seed: 1 })
    await waitFor({ what: 'commits' }, async () => load.committed > 20)
    await disk.freeze()
    await waitFor({ what: 'the disk to be slow' }, async () => {
      return (await diskOf(kingbus)).state === 'slow'
    })
    const { committed } = load
    expect((await diskOf(kingbus)).error).toMatchObject({ code: 'E_DISK_SLOW' })
    expect((await kingbus.status()).source.state).toBe('paused')
    expect((await replica.status())['Replica_IO_Running']).toBe('Yes')
    expect(load.committed).toBe(committed)
    await disk.thaw()
    await waitFor({ what: 'commits again' }, async () => load.committed > committed + 20)
    await load.stop()
    await kingbus.catchUpWith(source)
    expect((await diskOf(kingbus)).state).toBe('ok')
    expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
  }, 60_000)
} else {
  console.warn(`${obstacle}: disks in trouble are left out`)
}
