import { afterEach, expect, test } from 'vitest'
import { fixture } from '../../../test/captured-files.ts'
import { GtidSet } from '../../mysql/index.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { beginOf, chunksOf, withPreviousGtids } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'

const crashing = new CrashDisk()
afterEach(async () => {
  crashing.onWasRead = () => {}
  await crashing.crash()
})

test('a disk that does not give the last transaction is told as one, with the file', async () => {
  const bytes = withPreviousGtids(fixture('ddl-xa.000005'), GtidSet.empty())
  const store = await crashing.reopen(temporaryFolder('last-transaction'))
  store.commit(await store.beginFile(beginOf('binlog.000001')))
  for (const chunk of chunksOf(bytes, 4, bytes.length, [])) await store.append(chunk)
  store.commit(await store.sync())
  expect((await store.lastTransaction())?.file).toBe('binlog.000001')
  crashing.onWasRead = () => {
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
  }
  await expect(store.lastTransaction()).rejects.toMatchObject({
    code: 'E_STORE_WRITE',
    message: expect.stringMatching(
      /binlog\.000001 .*its end cannot be read \(EIO: i\/o error, read\)/,
    ),
  })
})
