import { expect, test } from 'vitest'
import { fixture, REAL_FILE_NAMES } from '../../../test/captured-files.ts'
import { present, silentLogger } from '../../lib/index.ts'
import { systemClock, systemDisk, systemRandom } from '../../platform/index.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { openDataDir, ReplicatedLog } from '../../store/index.ts'
import { bigFile, chunksOf, endingsOf, withEndPositions } from '../../store/testing/binlog-feed.ts'
import { LogFeed } from '../../store/testing/log-feed.ts'
import { damageText } from '../damage.ts'
import { verifyDataDir } from './verify-data-dir.ts'

/*
  The log of a node in a cluster.
*/

const SIZE = 1_000_000

test('a GTID set of a place that was passed long before is compared with what is held there', async () => {
  const folder = temporaryFolder('verify-log')
  const { log, release } = await openedLog(folder)
  const feed = new LogFeed(log)
  const real = fixture(present(REAL_FILE_NAMES[0], 'a captured file'))
  const file = withEndPositions(bigFile(real, { count: 9, size: SIZE, open: 0 }))
  await feed.file('binlog.000001')
  const ends = endingsOf(file).filter(({ boundary }) => boundary)
  const pieces = ends.map(({ end }) => end)
  for (const [index, piece] of chunksOf(file, 4, file.length, pieces).entries()) {
    await feed.piece(piece)
    await log.sync()
    // What follows waits for the other nodes.
    if (index === 1) await log.show(log.durable)
  }
  await log.show(log.durable)
  await feed.file('binlog.000002')
  await log.close()
  await release()
  const report = await verify(folder)
  expect(
    [...report.damages, ...report.files.flatMap((one) => one.damages)].map(damageText),
  ).toEqual([])
  expect(report.files[0]?.transactions).toBe(9)
})

async function openedLog(path: string) {
  const dataDir = await openDataDir({ disk: systemDisk, random: systemRandom, path })
  const { binlogs, identity } = dataDir
  const where = { disk: systemDisk, folder: binlogs, storeId: identity.storeId }
  const log = await ReplicatedLog.open({ ...where, logger: silentLogger })
  return { log, release: () => dataDir.release() }
}

const verify = (dataDir: string) =>
  verifyDataDir({
    disk: systemDisk,
    clock: systemClock,
    dataDir,
    from: undefined,
    progress: () => {},
  })
