import { expect, test } from 'vitest'
import { semiSyncSeen } from './ask-semi-sync.ts'

const pairs = (found: Readonly<Record<string, string>>) => new Map(Object.entries(found))

/** As the plugins of 8.0 and of 8.4 name it; with the older plugin an 8.0 server has the older names only. */
const AGES = [
  ['8.4', 'source'],
  ['8.0 and MariaDB', 'master'],
] as const

test.each(AGES)('commits that wait are seen by the names of %s', (_, age) => {
  const status = pairs({
    [`Rpl_semi_sync_${age}_status`]: 'ON',
    [`Rpl_semi_sync_${age}_no_tx`]: '3',
  })
  const enabled = pairs({ [`rpl_semi_sync_${age}_enabled`]: 'ON' })
  expect(semiSyncSeen(status, enabled)).toEqual({
    waits: true,
    unacknowledged: 3,
    reason: undefined,
  })
})

test.each(AGES)(
  'that the source has stopped waiting is told from switched off, in %s',
  (_, age) => {
    const status = pairs({ [`Rpl_semi_sync_${age}_status`]: 'OFF' })
    const variable = `rpl_semi_sync_${age}_enabled`
    const stopped = semiSyncSeen(status, pairs({ [variable]: 'ON' }))
    expect(stopped).toMatchObject({ waits: false, unacknowledged: 0 })
    expect(stopped.reason).toMatch(/^the source has stopped waiting/)
    const off = semiSyncSeen(status, pairs({ [variable]: 'OFF' }))
    expect(off.reason).toContain(`SET GLOBAL ${variable} = ON there`)
  },
)

test('being a semi-sync replica itself says nothing of a source, and Kingbus as a source has both names', () => {
  const replica = pairs({ Rpl_semi_sync_replica_status: 'ON', Rpl_semi_sync_slave_status: 'ON' })
  expect(semiSyncSeen(replica, pairs({})).waits).toBe(false)
  const both = pairs({ Rpl_semi_sync_source_status: 'ON', Rpl_semi_sync_master_status: 'ON' })
  expect(semiSyncSeen(both, pairs({})).waits).toBe(true)
})
