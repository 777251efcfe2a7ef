import { afterEach, beforeEach, expect, test } from 'vitest'
import { EventType } from '../../src/mysql/index.ts'
import type { Mysqld } from '../e2e/harness/mysqld.ts'
import { waitFor } from '../e2e/harness/wait.ts'
import { Probes } from './probes.ts'

/** A source that commits at once. */
const source = {
  sql: async () => [],
  connect: async () => ({ query: async () => {}, end: async () => {}, destroy: () => {} }),
} as unknown as Mysqld

let probes: Probes
beforeEach(async () => {
  probes = await Probes.start(source, 1)
})
afterEach(async () => await probes.stop())

test('a probe that has not arrived at a client of Kingbus is late, and not left out', async () => {
  await waitFor({ what: 'three probes' }, async () => probes.count >= 3)
  await probes.stop()
  const arrive = probes.listen('source')
  for (let number = 0; number < probes.count; number += 1) {
    arrive(EventType.WRITE_ROWS, Buffer.from(`kingbus-probe:${number};`))
  }
  const { added, viaKingbus } = probes.takeWindow(performance.now() + 60_000)
  expect(added).toHaveLength(probes.count)
  expect(Math.min(...added, ...viaKingbus)).toBeGreaterThan(59_000)
})
