import { describe, expect, it } from 'vitest'
import { FakeClock } from './dump/testing/fake-clock.ts'
import { type DumpProgress, Replicas } from './replicas.ts'

const HOUR_MS = 3_600_000
const UUID = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'

const identity = (connectionId: number, serverId: number, uuid?: string) => ({
  connectionId,
  serverId,
  uuid,
  user: 'repl',
  address: `here:${connectionId}`,
})

const progress = (file = 'binlog.000002'): DumpProgress => ({
  file,
  position: 4,
  state: 'sending',
  bytesSent: 0,
})

function beginAll(replicas: Replicas, ...all: ReturnType<typeof identity>[]): number[] {
  const replaced: number[] = []
  for (const one of all) {
    replicas.beginDump(one, progress(), () => replaced.push(one.connectionId))
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
    replicas.beginDump(identity(2, 6), progress(), () => {})
    const [first, second] = replicas.list([])
    expect(first?.registration).toEqual({ host: 'db2', port: 3306 })
    expect(first?.dump).toBeUndefined()
    expect(second?.registration).toBeUndefined()
    expect(second?.dump?.file).toBe('binlog.000002')
    replicas.disconnect(1)
    replicas.disconnect(2)
    expect(replicas.list([])).toEqual([])
  })

  it('needs the oldest file of replicas that are away, for as long as is asked', () => {
    const clock = new FakeClock()
    const replicas = new Replicas(clock)
    replicas.beginDump(identity(1, 5, UUID), progress('binlog.000009'), () => {})
    replicas.beginDump(identity(2, 6, 'other'), progress('binlog.000010'), () => {})
    replicas.beginDump(identity(3, 7), progress('binlog.000001'), () => {})
    expect(replicas.neededFrom(HOUR_MS)).toBeUndefined()
    replicas.disconnect(1)
    replicas.disconnect(3)
    clock.pass(HOUR_MS / 2)
    replicas.disconnect(2)
    expect(replicas.neededFrom(HOUR_MS)).toBe('binlog.000009')
    clock.pass(HOUR_MS / 2 + 1)
    expect(replicas.neededFrom(HOUR_MS)).toBe('binlog.000010')
    replicas.beginDump(identity(4, 6, 'other'), progress(''), () => {})
    expect(replicas.neededFrom(HOUR_MS)).toBeUndefined()
  })
})
