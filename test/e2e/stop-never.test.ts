import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { endEverything, ServerProcess } from './harness/child.ts'
import { fileDifference } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mariadbd } from './harness/mariadb/mariadbd.ts'
import { remoteArguments } from './harness/mysqlbinlog.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { makeRunFolder, mariadbProgram, mysqlProgram } from './harness/project.ts'
import type { SourceAddress } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

/*
  mysqlbinlog and mariadb-binlog with --stop-never at Kingbus, and beside it at the source: over a rotation, over a
  restart of the server that they read from, and on from where they were. Neither connects again by itself: when the
  server goes down they end, at Kingbus as at the source, and are started again.
*/

afterEach(endEverything)

/** What a follower has read, in the words that it can be told where to go on. */
interface Reached {
  readonly file: string
  readonly position: number
  readonly gtids: string
}

interface Way {
  readonly title: string
  readonly raw: boolean
  readonly program: string
  readonly options: (address: SourceAddress, serverId: number) => readonly string[]
  /** the option that goes on behind what was read; a raw file is fetched again from its begin */
  readonly goOn: (reached: Reached) => string
}

class Follower {
  readonly #way: Way
  readonly #folder = makeRunFolder('follower')
  readonly #process: ServerProcess

  constructor(way: Way, address: SourceAddress, serverId: number, place: readonly string[]) {
    this.#way = way
    mkdirSync(this.#output)
    const output = way.raw ? ['--raw', `${this.#output}/`] : [join(this.#output, 'text')]
    const result = output.map((path) => (path === '--raw' ? path : `--result-file=${path}`))
    this.#process = new ServerProcess({
      program: way.program,
      args: [...way.options(address, serverId), '--stop-never', ...result, ...place],
      logFile: join(this.#folder, 'log'),
    })
  }

  get #output(): string {
    return join(this.#folder, 'output')
  }

  get files(): string[] {
    return readdirSync(this.#output).toSorted()
  }

  pathOf(file: string): string {
    return join(this.#output, file)
  }

  /**
   * What it printed up to the marker, behind the head of the first file: there, and in what is made up for the
   * stream, who answers shows its own server id.
   */
  textUpTo(marker: string): string {
    const whole = readFileSync(this.pathOf('text'), 'utf8')
    const text = whole.slice(whole.search(/^#.*\tGTID\s/m), whole.indexOf(marker) + marker.length)
    return text.replaceAll(/^#.*end_log_pos 0 .*(?=\tRotate to)/gm, '# made up')
  }

  async waitFor(marker: string): Promise<void> {
    const what = `${this.#way.title} to read ${marker}`
    await waitFor({ what, explain: () => this.#process.logTail() }, async () =>
      this.files.some((file) => readFileSync(this.pathOf(file)).includes(marker)),
    )
  }

  async ended(): Promise<{ code: number | null; words: string }> {
    await this.#process.exited
    const words = this.#process.logTail().replaceAll(/^.*Warning.*\n/gim, '')
    return { code: this.#process.exitCode, words }
  }

  async stop(): Promise<void> {
    await this.#process.end('SIGTERM')
  }
}

/** One way of following, at both servers at once. */
class Pair {
  readonly #way: Way
  readonly #ours: Follower
  readonly #theirs: Follower

  constructor(way: Way, addresses: readonly [SourceAddress, SourceAddress], place: string[]) {
    this.#way = way
    this.#ours = new Follower(way, addresses[0], 100, place)
    this.#theirs = new Follower(way, addresses[1], 101, place)
  }

  async waitFor(marker: string): Promise<void> {
    await Promise.all([this.#ours.waitFor(marker), this.#theirs.waitFor(marker)])
  }

  /** Both have written the same, and all of it. */
  expectEqual(marker: string): void {
    const { title, raw } = this.#way
    expect(this.#ours.files, title).toEqual(this.#theirs.files)
    if (!raw) {
      const [ours, theirs] = [this.#ours.textUpTo(marker), this.#theirs.textUpTo(marker)]
      expect(ours.length, title).toBeGreaterThan(marker.length)
      expect(ours, title).toBe(theirs)
      return
    }
    for (const file of this.#ours.files) {
      const difference = fileDifference(this.#ours.pathOf(file), this.#theirs.pathOf(file), false)
      expect(difference, `${title}, ${file}`).toBeUndefined()
    }
  }

  async expectEnded(): Promise<void> {
    const [ours, theirs] = [await this.#ours.ended(), await this.#theirs.ended()]
    expect(ours, this.#way.title).toEqual(theirs)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#ours.stop(), this.#theirs.stop()])
  }
}

interface Source extends SourceAddress {
  sql: (...statements: readonly string[]) => Promise<unknown>
  restart: () => Promise<void>
}

async function follow(
  ways: readonly Way[],
  source: Source,
  kingbus: Kingbus,
  reached: () => Promise<Reached>,
): Promise<void> {
  const addresses = [kingbus, source] as const
  const write = async (marker: string): Promise<void> => {
    await source.sql("INSERT INTO d.t (v) VALUES (REPEAT('a', 200))", `CREATE DATABASE ${marker}`)
    for (const pair of pairs) await pair.waitFor(marker)
    for (const pair of pairs) pair.expectEqual(marker)
  }
  const { file } = await reached()
  let pairs = ways.map((way) => new Pair(way, addresses, [file]))
  await source.sql(
    'CREATE DATABASE d',
    'CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, v TEXT)',
  )
  await write('at_first')
  await source.sql('FLUSH BINARY LOGS')
  await write('behind_the_rotation')

  const place = await reached()
  await source.restart()
  await kingbus.restart()
  for (const pair of pairs) await pair.expectEnded()
  // The source has begun a file, and who asks by GTID is to find it at Kingbus too.
  const begun = await reached()
  await waitFor({ what: `Kingbus to have ${begun.file}` }, async () =>
    kingbus
      .binlogs()
      .some(({ name, path }) => name === begun.file && statSync(path).size === begun.position),
  )
  pairs = ways.map((way) => new Pair(way, addresses, [way.goOn(place), place.file].filter(Boolean)))
  await write('behind_the_restart')
  await source.sql('FLUSH BINARY LOGS')
  await write('at_the_end')
  for (const pair of pairs) await pair.stop()
}

const login = (address: SourceAddress): string[] => [
  '--read-from-remote-server',
  '--host=127.0.0.1',
  `--port=${address.port}`,
  `--user=${replicationUser}`,
  `--password=${replicationPassword}`,
]

test('mysqlbinlog follows, by GTID and by file and position, as files and as text', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await kingbus.catchUpWith(source)
  const ways = (['BINLOG-DUMP-GTIDS', 'BINLOG-DUMP-NON-GTIDS'] as const).flatMap((kind) =>
    [true, false].map((raw): Way => {
      const goOn = ({ gtids, position }: Reached): string =>
        kind === 'BINLOG-DUMP-GTIDS' ? `--exclude-gtids=${gtids}` : `--start-position=${position}`
      return {
        title: `mysqlbinlog by ${kind}, ${raw ? 'files' : 'text'}`,
        raw,
        program: mysqlProgram('mysqlbinlog'),
        options: (address, serverId) => [
          ...remoteArguments(address, kind),
          `--connection-server-id=${serverId + (raw ? 10 : 20) + kind.length}`,
        ],
        goOn: (place) => (raw ? '' : goOn(place)),
      }
    }),
  )
  await follow(ways, source, kingbus, async () => {
    const last = (await source.binlogs()).at(-1)
    return { file: last?.name ?? '', position: last?.size ?? 0, gtids: await source.gtidExecuted() }
  })
}, 120_000)

test('mariadb-binlog follows, by GTID and by file and position, as files and as text', async () => {
  const source = await Mariadbd.start({ serverId: 11 })
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, nativePassword: true })
  await kingbus.waitForState('streaming')
  const ways = ['GTID', 'position'].flatMap((by) =>
    [true, false].map((raw): Way => {
      return {
        title: `mariadb-binlog by ${by}, ${raw ? 'files' : 'text'}`,
        raw,
        program: mariadbProgram('mariadb-binlog'),
        options: (address, serverId) => [
          ...login(address),
          `--stop-never-slave-server-id=${serverId + (raw ? 10 : 20) + by.length}`,
        ],
        goOn: ({ gtids, position }) =>
          raw && by === 'position' ? '' : `--start-position=${by === 'GTID' ? gtids : position}`,
      }
    }),
  )
  await follow(ways, source, kingbus, async () => {
    const [status] = await source.sql('SHOW MASTER STATUS')
    const gtids = await source.gtidBinlogPos()
    return { file: String(status?.['File']), position: Number(status?.['Position']), gtids }
  })
}, 120_000)
