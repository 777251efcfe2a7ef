import { afterEach, expect, test } from 'vitest'
import { OperationalError, Watch } from '../../../lib/index.ts'
import { systemClock } from '../../../platform/index.ts'
import type { MemberRecord, Register } from '../../etcd/index.ts'
import type { Member } from '../../protocol/state/cluster-state.ts'
import type { Driver } from '../driver.ts'
import { Admission, notAMember } from './admission.ts'

let stop = new AbortController()
afterEach(() => {
  stop.abort()
  stop = new AbortController()
})

const record: MemberRecord = { peerUrl: 'https://x.example:9600', isObserver: false }
const listOf = (...names: string[]) => new Map(names.map((name) => [name, record]))
const votersOf = (...names: string[]): Member[] => names.map((node) => ({ node, store: 's' }))

/** The node `two` in a cluster with this list and these voters. */
function build(list: ReadonlyMap<string, MemberRecord> | undefined, voters: Member[]) {
  const members = new Watch(list)
  const stepped = new Watch(0)
  const state = { voters }
  let failures = 0
  const read = () => {
    failures -= 1
    const away = new OperationalError('E_ETCD_UNAVAILABLE', 'etcd is away')
    return failures >= 0 ? Promise.reject(away) : Promise.resolve({ content: state })
  }
  const admission = new Admission({
    name: 'two',
    directory: { members },
    register: { state: { read } } as unknown as Pick<Register, 'state'>,
    clock: { ...systemClock, sleep: () => Promise.resolve() },
  })
  const node = { context: { register: { state } } }
  const driver = { stepped, node } as unknown as Driver
  return { admission, members, stepped, state, driver, failOnce: () => (failures = 1) }
}

test('a member goes in at once, also when etcd was away for a moment', async () => {
  const { admission, failOnce } = build(listOf('one', 'two'), votersOf('one'))
  failOnce()
  let told = 0
  await admission.wait(async () => void (told += 1), stop.signal)
  expect(told).toBe(0)
})

test.each([
  ['counts still, though it is on no list', listOf('one'), votersOf('one', 'two')],
  ['sees the list of an etcd that has lost its data', listOf(), votersOf('one')],
])('a node that %s goes in', async (_, list, voters) => {
  let told = 0
  await build(list, voters).admission.wait(async () => void (told += 1), stop.signal)
  expect(told).toBe(0)
})

test('a node that is on no list says so once and waits until it is', async () => {
  const { admission, members } = build(undefined, votersOf('one'))
  const told: string[] = []
  const waiting = admission
    .wait(async () => void told.push('refused'), stop.signal)
    .then(() => told.push('in'))
  members.set(listOf('one'))
  await expect.poll(() => told).toEqual(['refused'])
  members.set(listOf('one', 'three'))
  members.set(listOf('one', 'two'))
  await waiting
  expect(told).toEqual(['refused', 'in'])
})

test('a node that lives leaves when it is neither listed nor counted, and not before', () => {
  const { admission, members, stepped, state, driver } = build(
    listOf('one', 'two'),
    votersOf('one', 'two'),
  )
  let left = 0
  const end = admission.watch(driver, () => void (left += 1))
  members.set(listOf('one'))
  stepped.set(1)
  expect(left).toBe(0)
  state.voters = votersOf('one')
  stepped.set(2)
  expect(left).toBe(1)
  end()
  stepped.set(3)
  expect(left).toBe(1)
})

test('who was in is told otherwise than who never was', () => {
  expect(notAMember('two', true)).toMatchObject({ code: 'E_MEMBER_REMOVED' })
  expect(notAMember('two', true).message).toMatch(/two was removed.*stop it and remove/)
  expect(notAMember('two', false)).toMatchObject({ code: 'E_MEMBER_UNKNOWN' })
})
