import { expect, test } from 'vitest'
import { ReplicaAcks } from './replica-acks.ts'

const at = (replica: string, number: number, position: number) => ({
  replica,
  file: `binlog.${number}`,
  position,
})

test('what as many replicas hold as are needed is held, over files, and never less again', () => {
  const acks = new ReplicaAcks(2)
  acks.note(at('one', 1, 900))
  acks.note(at('one', 10, 100))
  expect(acks.held?.value).toBeUndefined()
  acks.note(at('two', 9, 300))
  expect(acks.held?.value).toEqual({ file: 'binlog.9', position: 300 })
  acks.note(at('three', 10, 50))
  expect(acks.held?.value).toEqual({ file: 'binlog.10', position: 50 })
  acks.note(at('two', 10, 20))
  expect(acks.held?.value).toEqual({ file: 'binlog.10', position: 50 })
  acks.note(at('two', 10, 200))
  expect(acks.held?.value).toEqual({ file: 'binlog.10', position: 100 })
})

test('one replica counts once, by its uuid, however often it comes', () => {
  const acks = new ReplicaAcks(2)
  for (const position of [100, 200, 300]) acks.note(at('one', 1, position))
  expect(acks.held?.value).toBeUndefined()
})

test('with none needed nothing is waited for', () => {
  expect(new ReplicaAcks().held).toBeUndefined()
})
