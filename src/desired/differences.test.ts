import { describe, expect, it } from 'vitest'
import type { Key, LoadedConfig } from '../config/index.ts'
import type { Desired } from './desired.ts'
import { differences } from './differences.ts'
import {
  exampleRetention,
  exampleSource,
  exampleDesired as first,
} from './testing/example-desired.ts'

/** What the configuration gives, each key in a line of its own. */
function given(keys: Partial<Record<Key, string>>): LoadedConfig['given'] {
  const entries = Object.entries(keys) as [Key, string][]
  return new Map(
    entries.map(([key, text], index) => [key, { text, place: `kingbus.yaml:${index + 1}` }]),
  )
}

describe('a configuration that says otherwise', () => {
  it('is told key by key, with both values as they are written there', () => {
    const held: Desired = {
      ...first,
      source: { ...exampleSource, host: '::1', user: 'r@x', tls: 'required', semiSync: true },
      retention: { ...exampleRetention, maxSizeBytes: 2 ** 30, maxAgeMs: 3_600_000 },
    }
    const configuration = given({
      'source.url': 'mysql://repl@db1',
      'source.semi-sync': 'false',
      'source.start-at': 'oldest',
      'retention.max-age': '1d',
    })
    const configured: Desired = {
      ...first,
      retention: { ...exampleRetention, maxAgeMs: 86_400_000 },
    }
    expect(differences(configured, held, configuration)).toEqual([
      {
        key: 'source.url',
        configured: 'mysql://repl@db1',
        place: 'kingbus.yaml:1',
        held: 'mysql://r%40x@[::1]:3306',
      },
      { key: 'source.semi-sync', configured: 'false', place: 'kingbus.yaml:2', held: 'true' },
      { key: 'retention.max-age', configured: '1d', place: 'kingbus.yaml:4', held: '3600000ms' },
    ])
  })

  it('by a default alone is not told, nor one that says the same in other words', () => {
    const held: Desired = { ...first, source: { ...exampleSource, tls: 'required' } }
    expect(differences(first, held, given({ 'source.url': 'mysql://repl@db1:3306/' }))).toEqual([])
  })

  it('by another password is told without any', () => {
    const held: Desired = { ...first, source: { ...exampleSource, password: 'the newer one' } }
    const found = differences(first, held, given({ 'source.password-file': '/secret' }))
    expect(found).toMatchObject([{ key: 'source.password-file', configured: undefined }])
    expect(JSON.stringify(found)).not.toMatch(/newer|secret of/)
  })

  it('where the source was taken away names the source alone', () => {
    const held: Desired = { ...first, source: undefined }
    const configuration = given({ 'source.url': 'mysql://repl@db1', 'source.tls': 'preferred' })
    const found = differences(first, held, configuration)
    expect(found).toMatchObject([{ key: 'source.url', held: '(none)' }])
  })
})
