import { afterEach, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

const insert = (id: number): string => `INSERT INTO d.t VALUES (${id})`
const addressOf = ({ port }: Mysqld): string => `127.0.0.1:${port}`

interface Seen {
  readonly address: string
  readonly state: string
  readonly failover: {
    readonly candidates: readonly string[]
    readonly count: number
    readonly error: { readonly code: string; readonly message: string } | null
  } | null
}

async function seenBy(kingbus: Kingbus): Promise<Seen> {
  return (await kingbus.request('GET', '/api/v1/source')) as Seen
}

/** Waits until this is why no candidate is followed. */
async function refusedBecause(kingbus: Kingbus, why: RegExp): Promise<void> {
  let last: Seen | undefined
  const explain = (): string => `but it was ${JSON.stringify(last)}\n${kingbus.logTail()}`
  await waitFor({ what: `no candidate because of ${why}`, explain }, async () => {
    last = await seenBy(kingbus)
    return why.test(last.failover?.error?.message ?? '')
  })
}

test('the one candidate that takes writes and has all is followed by itself, and no other', async () => {
  const [source, heir, late] = await Promise.all([
    Mysqld.start({ serverId: 1 }),
    Mysqld.start({ serverId: 2 }),
    Mysqld.start({ serverId: 3 }),
  ])
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)', insert(1))
  const candidates = [source, heir, late].map(addressOf)
  const flags = { 'source-candidates': candidates.join(','), 'source-failover-after': '1s' }
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, flags })
  const replicas = [heir, late].map((server) => new Replica(server))
  for (const replica of replicas) {
    await replica.attach(kingbus, { clauses: ['SOURCE_CONNECT_RETRY=1'] })
    await replica.catchUpWith(source)
    await replica.server.sql('SET GLOBAL super_read_only = ON')
  }
  await late.sql('STOP REPLICA')
  await source.sql(insert(2))
  await replicas[0]?.catchUpWith(source)
  expect(await seenBy(kingbus)).toMatchObject({ failover: { candidates, count: 0, error: null } })

  await source.kill9()
  await refusedBecause(kingbus, /none is known to take writes .* is read_only/)
  expect(await kingbus.metric('kingbus_source_failover_blocked')).toBe(1)
  await late.sql('SET GLOBAL read_only = OFF')
  await refusedBecause(kingbus, /only .* takes writes, and it cannot be followed: .*E_SOURCE_OTHER/)
  await heir.sql('SET GLOBAL read_only = OFF')
  await refusedBecause(kingbus, /take writes, and only one may/)
  expect(await seenBy(kingbus)).toMatchObject({ address: addressOf(source) })

  await late.sql('SET GLOBAL super_read_only = ON', 'START REPLICA')
  await heir.sql('STOP REPLICA', 'RESET REPLICA ALL', insert(3))
  await kingbus.waitForState('streaming')
  await kingbus.catchUpWith(heir)
  expect(await seenBy(kingbus)).toMatchObject({
    address: addressOf(heir),
    failover: { count: 1, error: null },
  })
  expect(await kingbus.metric('kingbus_source_failovers_total')).toBe(1)
  expect(await kingbus.metric('kingbus_source_failover_blocked')).toBe(0)

  // It holds after a restart, whatever the flags say.
  await kingbus.kill9()
  await kingbus.launch()
  await heir.sql(insert(4))
  await kingbus.catchUpWith(heir)
  await replicas[1]?.catchUpWith(heir)
  expect(await serverDifferences(heir, late)).toEqual([])
})
