import { expect, test } from 'vitest'
import { type Logger, silentLogger } from '../../lib/index.ts'
import { systemClock } from '../../platform/index.ts'
import { ReplicaAcks, type ReplicaRow } from '../../serve/index.ts'
import { ReplicaWait, type ReplicaWaitOptions } from './replica-wait.ts'

const file = 'binlog.000001'

function row(uuid: string, position: number): ReplicaRow {
  return {
    serverId: 1,
    uuid,
    connectionId: 1,
    user: 'repl',
    address: '127.0.0.1:1',
    registration: undefined,
    connectedAtMs: 0,
    dump: undefined,
    semiSync: { place: { file, position }, atMs: 0, acks: 1 },
  }
}

/** A source of which only what is looked at is there. */
function make(needed: number) {
  const said: string[] = []
  const say = (_: unknown, text: string): void => {
    said.push(text)
  }
  const logger: Logger = { ...silentLogger, info: say, warn: say }
  const state = { rows: [] as ReplicaRow[], arrivedAtMs: undefined as number | undefined }
  const ingest = {
    get lackedByReplicas() {
      const { arrivedAtMs } = state
      const end = { file, position: 500 }
      return arrivedAtMs === undefined ? undefined : { end, place: end, arrivedAtMs }
    },
  }
  const acks = new ReplicaAcks(needed)
  const source: ReplicaWaitOptions['source'] = {
    isHere: true,
    current: { link: { semiSync: { wanted: true } }, ingest },
  }
  const connected = () => state.rows
  const wait = new ReplicaWait({ acks, connected, source, clock: systemClock, logger })
  return { wait, said, state }
}

test('with no replica needed there is nothing to say', () => {
  const { wait, said } = make(0)
  wait.look()
  expect(wait.status()).toBeNull()
  expect(said).toEqual([])
})

test('that too few are connected is said once, and once that enough are', () => {
  const { wait, said, state } = make(2)
  state.rows = [row('one', 500)]
  wait.look()
  wait.look()
  expect(said).toEqual([expect.stringMatching(/^fewer semi-sync replicas/)])
  state.rows = [row('one', 500), row('two', 500)]
  wait.look()
  wait.look()
  expect(said.slice(1)).toEqual([expect.stringMatching(/^as many semi-sync replicas/)])
})

test('it is named who is waited for, and since when', () => {
  const { wait, said, state } = make(2)
  state.rows = [row('one', 500), row('two', 499)]
  state.arrivedAtMs = systemClock.monotonicMs() - 5000
  wait.look()
  wait.look()
  const { waitingFor, waitingSince } = wait.status() ?? {}
  expect(waitingFor).toEqual(['two'])
  const sinceMs = systemClock.nowMs() - Date.parse(waitingSince ?? '')
  expect(sinceMs).toBeGreaterThan(4900)
  expect(said).toEqual([expect.stringMatching(/^commits on the source wait/)])
  state.arrivedAtMs = undefined
  wait.look()
  expect(wait.status()).toMatchObject({ waitingFor: [], waitingSince: null })
  expect(said).toHaveLength(2)
})
