import { expect, test } from 'vitest'
import { exampleDesired, exampleSource } from '../../desired/testing/example-desired.ts'
import { withSource } from './source-wish.ts'

const address = { host: 'db2', port: 3307 }

test('what is left out stays as it is', () => {
  expect(withSource(exampleDesired, {})).toEqual(exampleDesired)
  expect(withSource(exampleDesired, { semiSync: true, replicaServerId: 7 })).toEqual({
    ...exampleDesired,
    source: { ...exampleSource, semiSync: true },
    self: { ...exampleDesired.self, serverId: 7 },
  })
  const own = { ...exampleDesired, source: { ...exampleSource, caFile: '/ca.pem' } }
  expect(withSource(own, { caFile: null })).toEqual(exampleDesired)
})

test.each([{ address }, { host: 'db2' }, { port: 3307 }, { user: 'other' }])(
  '%j does not take the password with it',
  (change) => {
    const refused = expect.objectContaining({ code: 'E_CONFIG_INVALID' })
    expect(() => withSource(exampleDesired, change)).toThrow(refused)
    expect(() => withSource(exampleDesired, change)).not.toThrow(exampleSource.password)
    const { source } = withSource(exampleDesired, { ...change, password: 'p' })
    expect(source?.password).toBe('p')
  },
)

test('a first source needs address and user, and has the defaults of the configuration', () => {
  const none = { ...exampleDesired, source: undefined }
  for (const change of [{ address }, { user: 'repl' }, { semiSync: true }]) {
    expect(() => withSource(none, change)).toThrow(/give the .*: none is known yet/)
  }
  expect(withSource(none, { replicaServerId: 7 }).source).toBeUndefined()
  expect(withSource(none, { address, user: 'repl' }).source).toEqual({
    ...exampleSource,
    ...address,
    password: '',
  })
})

test('half an address leaves the other half, or has the usual port', () => {
  const half = (before: typeof exampleDesired, change: { host?: string; port?: number }) =>
    withSource(before, { ...change, user: 'repl', password: 'p' }).source
  const { host, port } = exampleSource
  expect(half(exampleDesired, { host: 'db2' })).toMatchObject({ host: 'db2', port })
  expect(half(exampleDesired, { port: 3307 })).toMatchObject({ host, port: 3307 })
  const none = { ...exampleDesired, source: undefined }
  expect(half(none, { host: 'db2' })).toMatchObject({ host: 'db2', port: 3306 })
  expect(() => half(none, { port: 3307 })).toThrow('give the address of the source')
})
