import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { crc32 } from '../../../lib/index.ts'
import { systemDisk } from '../../../platform/index.ts'
import { temporaryFolder } from '../../../platform/testing/temporary-folder.ts'
import { LogFeed, openLog } from '../../../store/testing/log-feed.ts'
import { FileCalls, type FileCallsOptions } from './file-call.ts'

const FIRST = 'binlog.000001'
const SECOND = 'binlog.000002'
const never = new AbortController().signal

/** A node with a closed file of 1.5 MiB and one that is written to. */
async function filesOf(name: string, ask: FileCallsOptions['ask']) {
  const folder = temporaryFolder('file-call')
  const feed = new LogFeed(await openLog(systemDisk, folder))
  for (const file of [FIRST, SECOND]) {
    await feed.file(file)
    for (let count = 0; count < 3; count += 1) {
      const bytes = Buffer.alloc(512 * 1024, feed.log.end + 1)
      const boundary = feed.log.tail.end + bytes.length
      await feed.piece({ bytes, crc: crc32(bytes), boundary, gtids: undefined, timestamp: 7 })
    }
  }
  await feed.log.sync()
  await feed.log.show(feed.log.end)
  const nodes = () => ['one', 'two', 'three']
  const calls = new FileCalls({ name, disk: systemDisk, folder, store: feed.log, nodes, ask })
  return { calls, folder, feed }
}

const nobody = async (): Promise<unknown> => null

test('a node gets a range of a file, and an index, from another one, in pieces that fit a call', async () => {
  const two = await filesOf('two', nobody)
  const asked: string[] = []
  const one = await filesOf('one', async (node, question) => {
    asked.push(node)
    // As it travels.
    return JSON.parse(JSON.stringify(await two.calls.answer(question)))
  })
  const sources = one.calls.sourcesOf(FIRST)
  expect(sources.map(({ name }) => name)).toEqual(['two', 'three'])
  const whole = readFileSync(join(two.folder, FIRST))
  const parts: Buffer[] = []
  let at = 100
  const range = { from: 100, to: whole.length, start: 4 }
  for await (const { position, bytes } of sources[0]?.bytes(range, never) ?? []) {
    expect(position).toBe(at)
    expect(bytes.length).toBeLessThanOrEqual(512 * 1024)
    at += bytes.length
    parts.push(bytes)
  }
  expect(Buffer.concat(parts).equals(whole.subarray(100))).toBe(true)
  const index: Buffer[] = []
  for await (const bytes of sources[0]?.index(never) ?? []) index.push(bytes)
  expect(Buffer.concat(index).equals(readFileSync(join(two.folder, `${FIRST}.idx`)))).toBe(true)
  expect(new Set(asked)).toEqual(new Set(['two']))
})

test('what another node does not have, or has not closed, is not given', async () => {
  const { calls } = await filesOf('two', nobody)
  const range = { from: 0, to: 10 }
  expect(await calls.answer({ file: '../identity.json', part: 'data', ...range })).toBeNull()
  expect(await calls.answer({ file: SECOND, part: 'index', ...range })).toBeNull()
  expect(await calls.answer({ file: SECOND, part: 'data', ...range })).toMatchObject({
    bytes: expect.stringMatching(/^\/mJpb/),
  })
  await expect(calls.answer({ file: FIRST })).rejects.toThrow('names no file and range')
  const [peer] = calls.sourcesOf(FIRST)
  const read = async (): Promise<void> => {
    for await (const _ of peer?.bytes({ ...range, start: 4 }, never) ?? []);
  }
  await expect(read()).rejects.toMatchObject({ code: 'E_PEER_REFUSED' })
})
