import { expect, test } from 'vitest'
import type { LogFields, Logger } from '../../../lib/index.ts'
import { systemClock } from '../../../platform/index.ts'
import { MemberLog } from './member-log.ts'

function makeLog(): { log: Logger; lines: string[]; at: (ms: number) => void; taken: MemberLog } {
  const lines: string[] = []
  const keep = (level: string) => (fields: LogFields, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  }
  const log: Logger = {
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    child: () => log,
  }
  let nowMs = 0
  const clock = { ...systemClock, monotonicMs: () => nowMs }
  const taken = new MemberLog(log, clock, () => {})
  return { log, lines, at: (ms) => (nowMs = ms), taken }
}

test('a line of etcd becomes one of ours, with its facts', () => {
  const { lines, taken } = makeLog()
  taken.take('{"level":"warn","ts":"…","caller":"x.go:1","msg":"slow fdatasync","took":"2s"}')
  expect(lines).toEqual(['info slow fdatasync {"etcd":{"took":"2s"}}'])
})

test('the reason for an end is the last trouble, not the stack behind a panic', () => {
  const { taken } = makeLog()
  taken.take('{"level":"fatal","msg":"discovery failed","error":"address already in use"}')
  expect(taken.lastTrouble).toBe('discovery failed: address already in use')
  for (const line of ['panic: tocommit(5) is out of range', 'goroutine 1 [running]:', '\tx.go:7']) {
    taken.take(line)
  }
  expect(taken.lastTrouble).toBe('panic: tocommit(5) is out of range')
})

test('a talkative etcd is cut to 20 lines a second, and what is left out is counted', () => {
  const { lines, taken, at } = makeLog()
  for (let line = 0; line < 50; line += 1) taken.take('{"level":"warn","msg":"lost a peer"}')
  expect(lines).toHaveLength(20)
  at(1000)
  taken.take('{"level":"warn","msg":"lost a peer"}')
  expect(lines[20]).toBe('warn lines of etcd were left out {"lines":30}')
})
