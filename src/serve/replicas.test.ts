import { describe, expect, it } from 'vitest'
import type { FileInfo } from '../store/index.ts'
import { FakeClock } from './dump/testing/fake-clock.ts'
import { type Dump, type DumpProgress, Replicas } from './replicas.ts'

const HOUR_MS = 3_600_000
const UUID = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'

const identity = (connectionId: number, serverId: number, uuid?: string) => ({
  connectionId,
  serverId,
  uuid,
  user: 'repl',
  address: `here:${connectionId}`,
})

const progress = (file = 'binlog.000002', position = 4): DumpProgress => ({
  file,
  position,
  begun: file === '' ? undefined : { file: 'binlog.000001', position: 4 },
  state: 'sending',
  bytesSent: 0,
})

const dump = (file?: string, more: Partial<Dump> = {}): Dump => ({
  progress: progress(file),
  replace: () => {},
  nonBlocking: false,
  ...more,
})

/** Files of 100 MiB, so that of two files before a place one is near. */
function filesUpTo(last: number): FileInfo[] {
  return Array.from({ length: last }, (_, index) => ({
    name: `binlog.${String(index + 1).padStart(6, '0')}`,
    size: 100 * 2 ** 20,
    firstSequence: index,
    firstTimestamp: 0,
    lastTimestamp: 0,
    sourceFile: '',
    sourceUuid: '',
    active: index === last - 1,
    readers: 0,
  }))
}

function beginAll(replicas: Replicas, ...all: ReturnType<typeof identity>[]): number[] {
  const replaced: number[] = []
  for (const one of all) {
    replicas.beginDump(one, dump(undefined, { replace: () => replaced.push(one.connectionId) }))
  }
  return replaced
}

describe('Replicas', () => {
  it('ends the older dump of the same uuid whatever their server ids', () => {
    const all = [identity(1, 5, UUID), identity(2, 6, 'other'), identity(3, 7, UUID)]
    expect(beginAll(new Replicas(new FakeClock()), ...all)).toEqual([1])
  })

  it('ends the older dump of the same server id only when neither has a uuid', () => {
    const all = [identity(1, 5), identity(2, 5, UUID), identity(3, 5), identity(4, 6)]
    expect(beginAll(new Replicas(new FakeClock()), ...all)).toEqual([1])
  })

  it('ends no dump for server id 0, which every mysqlbinlog has', () => {
    expect(beginAll(new Replicas(new FakeClock()), identity(1, 0), identity(2, 0))).toEqual([])
  })

  it('lists who has registered and who only dumps, until they disconnect', () => {
    const replicas = new Replicas(new FakeClock())
    replicas.register(identity(1, 5, UUID), { host: 'db2', port: 3306 })
    replicas.beginDump(identity(2, 6), dump())
    const [first, second] = replicas.list([])
    expect(first?.registration).toEqual({ host: 'db2', port: 3306 })
    expect(first?.dump).toBeUndefined()
    expect(second?.registration).toBeUndefined()
    expect(second?.dump?.file).toBe('binlog.000002')
    replicas.disconnect(1)
    replicas.disconnect(2)
    expect(replicas.list([])).toEqual([])
  })

  it('tells of those that have left, with a uuid and for good, until they come back or are collected', () => {
    const clock = new FakeClock()
    const replicas = new Replicas(clock)
    const files = filesUpTo(12)
    replicas.beginDump(identity(1, 5, UUID), dump('binlog.000009'))
    replicas.beginDump(identity(2, 6, 'other'), dump('binlog.000010'))
    replicas.beginDump(identity(3, 7), dump('binlog.000001'))
    replicas.beginDump(identity(4, 8, 'passing'), dump('binlog.000001', { nonBlocking: true }))
    replicas.beginDump(identity(5, 9, 'lost'), dump(''))
    expect(replicas.connected(files).map(({ uuid }) => uuid)).toEqual([UUID, 'other'])
    for (const connection of [1, 3, 4, 5]) replicas.disconnect(connection)
    clock.pass(HOUR_MS / 2)
    replicas.disconnect(2)
    expect(replicas.left(files)).toMatchObject([
      { id: 1, uuid: UUID, file: 'binlog.000009', host: 'here', awayMs: HOUR_MS / 2 },
      { id: 2, uuid: 'other', awayMs: 0 },
    ])
    replicas.beginDump(identity(6, 6, 'other'), dump(''))
    expect(replicas.left(files)).toHaveLength(2)
    replicas.beginDump(identity(6, 6, 'other'), dump('binlog.000010'))
    expect(replicas.left(files).map(({ uuid }) => uuid)).toEqual([UUID])
    replicas.collected(1)
    expect(replicas.left(files)).toEqual([])
  })

  it('may need the file before the place that it was sent up to, unless it has asked for less', () => {
    const files = filesUpTo(12)
    const needs = (at: DumpProgress): string[] => {
      const replicas = new Replicas(new FakeClock())
      replicas.beginDump(identity(1, 5, UUID), { ...dump(), progress: at })
      return replicas.connected(files).map((replica) => replica.needs)
    }
    expect(needs(progress('binlog.000009', 2 ** 20))).toEqual(['binlog.000008'])
    expect(needs(progress('binlog.000009', 60 * 2 ** 20))).toEqual(['binlog.000009'])
    const begun = { file: 'binlog.000009', position: 4 }
    expect(needs({ ...progress('binlog.000009', 2 ** 20), begun })).toEqual(['binlog.000009'])
  })

  it('that waits has all that it was sent', () => {
    const replicas = new Replicas(new FakeClock())
    const waiting = { ...progress('binlog.000009', 200), state: 'waiting' } as const
    replicas.beginDump(identity(1, 5, UUID), { ...dump(), progress: waiting })
    replicas.beginDump(identity(2, 6), dump('binlog.000009'))
    const files = filesUpTo(12)
    expect(replicas.runningDumps(files)).toEqual([
      { who: `${UUID} (repl@here:1)`, file: 'binlog.000009', needs: 'binlog.000009' },
      { who: 'server_id 6 (repl@here:2)', file: 'binlog.000009', needs: 'binlog.000008' },
    ])
  })
})
