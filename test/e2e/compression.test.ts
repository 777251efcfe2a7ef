import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasCompression } from '../../src/platform/index.ts'
import { endEverything } from './harness/child.ts'
import { fileDifference, serverDifferences } from './harness/compare.ts'
import { definitions, writeEveryKind } from './harness/every-kind.ts'
import { Kingbus } from './harness/kingbus.ts'
import { type DumpKind, mysqlbinlog, remoteArguments } from './harness/mysqlbinlog.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { makeRunFolder, mysqlProgram } from './harness/project.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

/** Of one event, which many packets of compression carry. */
const LARGE_BYTES = 24 * 1024 * 1024

const ALGORITHMS = (['zlib', 'zstd'] as const).filter(hasCompression)

let source: Mysqld
let kingbus: Kingbus
let serverId = 10

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1 })
  await source.sql(...definitions)
  await writeEveryKind(source, 1_000)
  const half = LARGE_BYTES / 2
  await source.sql(
    'CREATE TABLE kinds.large (id INT PRIMARY KEY, noise LONGBLOB, text LONGTEXT)',
    'SET SESSION group_concat_max_len = 1 << 30',
    `INSERT INTO kinds.large VALUES (1, REPEAT(RANDOM_BYTES(1024), ${half / 1024}), REPEAT('words ', ${half / 6}))`,
    'FLUSH BINARY LOGS',
  )
  await writeEveryKind(source, 2_000)
  kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await kingbus.catchUpWith(source)
})
afterAll(endEverything)

/** How many connections were compressed so far, as the log has it. */
function compressedConnections(algorithm: string): number {
  const lines = readFileSync(kingbus.logFile, 'utf8').split('\n')
  return lines.filter(
    (line) => line.includes('the connection is compressed') && line.includes(algorithm),
  ).length
}

describe.each(ALGORITHMS)('with %s', (algorithm) => {
  test('a real replica ends equal to the source, and goes on while it waits with heartbeats', async () => {
    const before = compressedConnections(algorithm)
    for (const withoutTls of [false, true]) {
      const clauses = [
        `SOURCE_COMPRESSION_ALGORITHMS='${algorithm}'`,
        'SOURCE_HEARTBEAT_PERIOD=0.2',
      ]
      serverId += 1
      const replica = await Replica.start(kingbus, { serverId }, { clauses, withoutTls })
      await replica.catchUpWith(source)
      const received = await heartbeats(replica)
      await waitFor(
        { what: 'two heartbeats' },
        async () => (await heartbeats(replica)) > received + 1,
      )
      await writeEveryKind(source, serverId * 1_000)
      await replica.catchUpWith(source)
      expect(await serverDifferences(source, replica.server)).toEqual([])
      await replica.server.stop()
    }
    expect(compressedConnections(algorithm)).toBe(before + 2)
  })

  test.each<DumpKind>(['BINLOG-DUMP-GTIDS', 'BINLOG-DUMP-NON-GTIDS'])(
    'mysqlbinlog fetches the files by %s, byte for byte',
    async (kind) => {
      const before = compressedConnections(algorithm)
      const folder = makeRunFolder('fetched')
      const [first] = await source.binlogs()
      const target = ['--raw', '--to-last-log', `--result-file=${folder}/`]
      const compression = `--compression-algorithms=${algorithm}`
      await mysqlbinlog(
        ...remoteArguments(kingbus, kind),
        compression,
        ...target,
        first?.name ?? '',
      )
      for (const { name, path } of await source.binlogs()) {
        expect(fileDifference(join(folder, name), path, false), name).toBeUndefined()
      }
      expect(compressedConnections(algorithm)).toBeGreaterThan(before)
    },
  )

  test('the mysql client is answered', async () => {
    const before = compressedConnections(algorithm)
    const text = await mysql(`--compression-algorithms=${algorithm}`, '-Ne', 'SHOW BINARY LOGS')
    expect(text.split('\n').length).toBeGreaterThan(2)
    expect(text).toBe(await mysql('-Ne', 'SHOW BINARY LOGS'))
    expect(compressedConnections(algorithm)).toBe(before + 1)
  })
})

test('what this Node does not have is not offered, and a client that may do without does without', async () => {
  if (hasCompression('zstd')) {
    const before = compressedConnections('zstd')
    await mysql('--compression-algorithms=zstd,uncompressed', '-e', 'SELECT 1')
    expect(compressedConnections('zstd')).toBe(before + 1)
    return
  }
  expect(await mysql('--compression-algorithms=zstd,uncompressed', '-Ne', 'SELECT 1')).toBe('1\n')
  await expect(mysql('--compression-algorithms=zstd', '-e', 'SELECT 1')).rejects.toThrow(
    'wrongly configured compression algorithm',
  )
})

async function heartbeats({ server }: Replica): Promise<number> {
  const table = 'performance_schema.replication_connection_status'
  return Number(await server.value(`SELECT COUNT_RECEIVED_HEARTBEATS FROM ${table}`))
}

async function mysql(...args: readonly string[]): Promise<string> {
  const account = [`--user=${replicationUser}`, `--password=${replicationPassword}`]
  const address = ['--no-defaults', '--host=127.0.0.1', `--port=${kingbus.port}`]
  const { stdout } = await promisify(execFile)(mysqlProgram('mysql'), [
    ...address,
    ...account,
    ...args,
  ])
  return stdout
}
