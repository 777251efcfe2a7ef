import { expect, test } from 'vitest'
import { silentLogger } from '../../lib/index.ts'
import { FakeClock } from '../dump/testing/fake-clock.ts'
import { SERVE_LIMITS } from '../limits.ts'
import { LoginGuard } from './login-guard.ts'

const LIMITS = {
  ...SERVE_LIMITS,
  loginRefusalsMost: 3,
  loginBlockMs: 1000,
  loginBlockMostMs: 3000,
  loginForgetMs: 10_000,
  loginHostsMost: 3,
}

function makeGuard(): { guard: LoginGuard; clock: FakeClock } {
  const clock = new FakeClock()
  return { guard: new LoginGuard(LIMITS, { clock, logger: silentLogger }), clock }
}

function refuse(guard: LoginGuard, host: string, times: number): void {
  for (let count = 0; count < times; count += 1) guard.refused(host)
}

test('a host is blocked for a while at so many refused logins, longer each time, and no other host', () => {
  const { guard, clock } = makeGuard()
  refuse(guard, '10.0.0.1', 2)
  expect(guard.blockedMs('10.0.0.1')).toBe(0)
  refuse(guard, '10.0.0.1', 1)
  expect(guard.blockedMs('10.0.0.1')).toBe(1000)
  expect(guard.blockedMs('10.0.0.2')).toBe(0)
  for (const blockMs of [2000, 3000, 3000]) {
    clock.pass(5000)
    expect(guard.blockedMs('10.0.0.1')).toBe(0)
    refuse(guard, '10.0.0.1', 3)
    expect(guard.blockedMs('10.0.0.1')).toBe(blockMs)
  }
})

test('refusals while it is blocked do not make a block longer', () => {
  const { guard, clock } = makeGuard()
  refuse(guard, '10.0.0.1', 3)
  clock.pass(900)
  refuse(guard, '10.0.0.1', 50)
  clock.pass(100)
  expect(guard.blockedMs('10.0.0.1')).toBe(0)
  refuse(guard, '10.0.0.1', 2)
  expect(guard.blockedMs('10.0.0.1')).toBe(0)
})

test('a login that succeeds, or a long peace, lets the count begin anew', () => {
  const { guard, clock } = makeGuard()
  refuse(guard, '10.0.0.1', 2)
  guard.admitted('10.0.0.1')
  refuse(guard, '10.0.0.1', 2)
  clock.pass(10_000)
  refuse(guard, '10.0.0.1', 2)
  expect(guard.blockedMs('10.0.0.1')).toBe(0)
  refuse(guard, '10.0.0.1', 1)
  clock.pass(12_000)
  refuse(guard, '10.0.0.1', 3)
  expect(guard.blockedMs('10.0.0.1')).toBe(1000)
})

test('the loopback of the machine is never blocked, and of IPv6 a whole network is', () => {
  const { guard } = makeGuard()
  refuse(guard, '127.0.0.1', 50)
  refuse(guard, '::1', 50)
  expect(guard.blockedMs('127.0.0.1') + guard.blockedMs('::1')).toBe(0)
  for (const host of ['2001:db8:0:7::1', '2001:db8:0:7:1:2:3:4', '2001:db8:0:7::'])
    guard.refused(host)
  expect(guard.blockedMs('2001:db8:0:7::99')).toBe(1000)
  expect(guard.blockedMs('2001:db8:0:8::1')).toBe(0)
  refuse(guard, '2001:db8::5', 3)
  expect(guard.blockedMs('2001:db8:0:0:9::')).toBe(1000)
})

test('however many hosts there are, only so many are remembered', () => {
  const { guard } = makeGuard()
  refuse(guard, '10.0.0.1', 3)
  for (const host of ['10.0.0.2', '10.0.0.3']) guard.refused(host)
  expect(guard.blockedMs('10.0.0.1')).toBe(1000)
  guard.refused('10.0.0.4')
  expect(guard.blockedMs('10.0.0.1')).toBe(0)
})
