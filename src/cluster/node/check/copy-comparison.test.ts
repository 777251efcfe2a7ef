import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { crc32, type LogFields, OperationalError, silentLogger } from '../../../lib/index.ts'
import { systemClock, systemDisk } from '../../../platform/index.ts'
import { flipBit } from '../../../platform/testing/flip-bit.ts'
import { temporaryFolder } from '../../../platform/testing/temporary-folder.ts'
import { FileAlarms, type FileInfo, FileScrub } from '../../../store/index.ts'
import { LogFeed, openLog } from '../../../store/testing/log-feed.ts'
import { CopyComparison } from './copy-comparison.ts'
import { firstDifference, thinned } from './digest-call.ts'

const MIB = 1024 * 1024
const FIRST = 'binlog.000001'
const SECOND = 'binlog.000002'
const NAMES = [FIRST, SECOND, 'binlog.000003']

interface Node {
  readonly folder: string
  readonly alarms: FileAlarms
  readonly scrub: FileScrub
  readonly comparison: CopyComparison
  /** lines of the log of level error, with their fields */
  readonly errors: LogFields[]
  readonly passed: LogFields[]
  files: string[]
  /** how long it slept in the last round, and while it read */
  sleptMs: number
  pacedMs: number
  leader: string | undefined
  /** Checks every file once. */
  round(): Promise<void>
}

/** A node with two closed files of five records of 1 MiB each, and one that is written to. */
async function makeNode(
  name: string,
  answer: (question: unknown) => Promise<unknown>,
  contentOf: (record: number) => number = (record) => record,
): Promise<Node> {
  const folder = temporaryFolder('checker')
  const feed = new LogFeed(await openLog(systemDisk, folder))
  for (const file of NAMES) {
    await feed.file(file)
    for (let count = 0; count < 5 && file !== NAMES.at(-1); count += 1) {
      const bytes = Buffer.alloc(MIB, contentOf(feed.log.end + 1))
      const boundary = feed.log.tail.end + bytes.length
      await feed.piece({ bytes, crc: crc32(bytes), boundary, gtids: undefined, timestamp: 7 })
    }
  }
  await feed.log.sync()
  await feed.log.close()
  let stop = new AbortController()
  const node = { folder, errors: [], passed: [], files: [...NAMES], sleptMs: 0, pacedMs: 0 }
  const made: Omit<Node, 'alarms' | 'scrub' | 'comparison'> = {
    ...node,
    leader: 'leader',
    round: async () => {
      stop = new AbortController()
      made.sleptMs = 0
      made.pacedMs = 0
      await scrub.run(stop.signal)
    },
  }
  const logger = {
    ...silentLogger,
    error: (fields: LogFields) => void made.errors.push(fields),
    info: (fields: LogFields) => void made.passed.push(fields),
  }
  const alarms = new FileAlarms(logger)
  const files = () => made.files.map(infoOf)
  const comparison = new CopyComparison({
    name,
    disk: systemDisk,
    folder,
    store: { files, alarms },
    leader: () => made.leader,
    ask: async (_, question) => await answer(question),
    logger,
  })
  const scrub = new FileScrub({
    name,
    disk: systemDisk,
    folder,
    store: { files, growing: () => undefined, alarms },
    bytesPerSecond: 4 * MIB,
    compare: (file, checked) => comparison.isDifferent(file, checked),
    clock: {
      ...systemClock,
      monotonicMs: () => made.sleptMs,
      sleep: async (ms) => {
        made.sleptMs += ms
        // Between two rounds it rests, and in between it never sleeps so long.
        if (ms > 5000) stop.abort()
        else made.pacedMs += ms
      },
    },
    logger,
  })
  return Object.assign(made, { alarms, scrub, comparison })
}

function infoOf(name: string): FileInfo {
  const times = { firstTimestamp: 7, lastTimestamp: 7 }
  const source = { sourceFile: name, sourceUuid: '' }
  return { name, size: 0, firstSequence: 1, ...times, ...source, active: false, readers: 0 }
}

const nobody = async (): Promise<unknown> => {
  throw new OperationalError('E_PEER_UNREACHABLE', 'nobody is there')
}

const flip = (node: Node, file: string, position: number): void =>
  flipBit(join(node.folder, file), position)

test('equal copies that are what was stored raise no alarm, and are read slowly', async () => {
  const leader = await makeNode('leader', nobody)
  const follower = await makeNode('follower', (question) => leader.comparison.answer(question))
  await leader.round()
  await follower.round()
  expect([...leader.alarms.list, ...follower.alarms.list]).toEqual([])
  expect([...leader.errors, ...follower.errors]).toEqual([])
  expect(follower.scrub.checkedBytes).toBeGreaterThan(10 * MIB)
  expect(follower.pacedMs).toBeGreaterThan(2500)
  expect(follower.sleptMs).toBe(20_000)
})

test('a byte that is another is an alarm of the node that has it, told once, until it is mended', async () => {
  const leader = await makeNode('leader', nobody)
  const follower = await makeNode('follower', (question) => leader.comparison.answer(question))
  flip(follower, SECOND, 2 * MIB + 17)
  await follower.round()
  await follower.round()
  await leader.round()
  const alarm = { code: 'E_STORE_DAMAGED', file: SECOND, from: 2 * MIB + 4, to: 3 * MIB + 4 }
  expect(follower.alarms.list).toMatchObject([alarm])
  expect(follower.errors).toMatchObject([alarm])
  expect(follower.errors).toHaveLength(1)
  expect(follower.alarms.count('E_STORE_DAMAGED')).toBe(1)
  expect(leader.alarms.list).toEqual([])
  flip(follower, SECOND, 2 * MIB + 17)
  await follower.round()
  expect(follower.alarms.list).toEqual([])
  expect(follower.passed).toMatchObject([{ code: 'E_STORE_DAMAGED', file: SECOND }])
})

test('copies that differ, each true to its own index, are an alarm with the first range', async () => {
  const leader = await makeNode('leader', nobody)
  // Records 1 and 7 begin the files; the checkpoint before record 12 is 4 MiB into the second one.
  const other = (record: number): number => (record === 12 ? 99 : record)
  const follower = await makeNode(
    'follower',
    (question) => leader.comparison.answer(question),
    other,
  )
  await leader.round()
  await follower.round()
  const range = { file: SECOND, from: 4 * MIB + 4, to: 5 * MIB + 4 }
  expect(follower.alarms.list).toMatchObject([{ code: 'E_COPIES_DIFFER', ...range }])
  expect(follower.alarms.count('E_COPIES_DIFFER')).toBe(1)
  expect(leader.alarms.list).toEqual([])
})

test('what follows a difference is not told for another one', async () => {
  const leader = await makeNode('leader', nobody)
  const other = (record: number): number => (record === 3 ? 99 : record)
  const follower = await makeNode(
    'follower',
    (question) => leader.comparison.answer(question),
    other,
  )
  await follower.round()
  expect(follower.alarms.list).toMatchObject([
    { code: 'E_COPIES_DIFFER', file: FIRST, from: 4, to: 4 * MIB + 4 },
  ])
})

test.each([
  ['a node that cannot be reached', nobody],
  ['one without the file', async () => null],
  ['one that answers something else', async () => [{ sequence: 'x' }]],
])('%s is not compared with', async (_, answer) => {
  const follower = await makeNode('follower', answer)
  await follower.round()
  expect(follower.alarms.list).toEqual([])
})

test('nobody is asked while nobody leads, or by the node that leads', async () => {
  const asked: unknown[] = []
  const node = await makeNode('leader', async (question) => void asked.push(question))
  await node.round()
  node.leader = undefined
  await node.round()
  expect(asked).toEqual([])
  node.leader = 'other'
  await node.round()
  expect(asked).toEqual([{ file: FIRST }, { file: SECOND }])
})

test('a purged file takes its alarms with it', async () => {
  const node = await makeNode('leader', nobody)
  flip(node, FIRST, 9)
  await node.round()
  expect(node.alarms.list).toHaveLength(1)
  rmSync(join(node.folder, FIRST))
  node.files.shift()
  await node.round()
  expect(node.alarms.list).toEqual([])
})

test('answers for closed files that it shows, and for no other path', async () => {
  const { comparison } = await makeNode('leader', nobody)
  expect(await comparison.answer({ file: FIRST })).toHaveLength(3)
  expect(await comparison.answer({ file: NAMES[2] })).toBeNull()
  expect(await comparison.answer({ file: '../identity.json' })).toBeNull()
  await expect(comparison.answer({ name: FIRST })).rejects.toThrow('names no file')
})

test('points are thinned so that they fit a call, and still find a difference', () => {
  const points = Array.from({ length: 5000 }, (_, at) => {
    return { sequence: at, position: 4 + at, digest: String(at) }
  })
  const few = thinned(points)
  expect(few.length).toBeLessThanOrEqual(1024)
  expect([few[0], few.at(-1)]).toEqual([points[0], points.at(-1)])
  expect(firstDifference(points, few)).toBeUndefined()
  const others = few.map((point) => (point.sequence < 2501 ? point : { ...point, digest: 'x' }))
  const difference = firstDifference(points, others)
  expect(difference?.from).toBeLessThanOrEqual(4 + 2501)
  expect(difference?.to).toBeGreaterThanOrEqual(4 + 2501)
  expect(firstDifference(points, few.slice(0, -1))).toMatchObject({ to: 4 + 4999 })
})
