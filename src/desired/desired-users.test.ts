import { expect, it } from 'vitest'
import { Watch } from '../lib/index.ts'
import type { Desired } from './desired.ts'
import { DesiredUsers } from './desired-users.ts'
import { exampleDesired } from './testing/example-desired.ts'

it('users who are wanted are found as soon as they are, and no longer', () => {
  const desired = new Watch<Desired>({ ...exampleDesired, users: [] })
  const users = new DesiredUsers(desired)
  expect(users.find('repl')).toBeUndefined()
  const repl = { name: 'repl', password: 'p', rights: ['replicate'] } as const
  desired.set({ ...exampleDesired, users: [repl] })
  expect(users.find('repl')).toEqual({
    name: 'repl',
    verifier: { kind: 'password', password: 'p' },
    rights: ['replicate'],
    requires: { tls: false, certificate: false, subject: undefined, issuer: undefined },
    hidesTaggedGtids: false,
  })
  expect(users.count).toBe(1)
  desired.set({ ...exampleDesired, users: [] })
  expect(users.find('repl')).toBeUndefined()
})
