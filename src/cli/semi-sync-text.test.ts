import { expect, test } from 'vitest'
import { exampleStatus } from '../admin/testing/example-node.ts'
import { semiSyncText } from './semi-sync-text.ts'

const replicas = { needed: 2, connected: 1, held: null, waitingSince: null, waitingFor: [] }
const waitingSince = '2026-01-02T03:04:05.000Z'

test.each([
  [null, 'active'],
  [replicas, 'active, with 2 semi-sync replicas (1 connected)'],
  [
    { ...replicas, waitingSince, waitingFor: ['server_id 7'] },
    `active, with 2 semi-sync replicas (1 connected); waits since ${waitingSince} for server_id 7`,
  ],
  [
    { ...replicas, waitingSince },
    `active, with 2 semi-sync replicas (1 connected); waits since ${waitingSince} for one that is not connected`,
  ],
])('whom commits wait for stands behind it: %j', (waited, text) => {
  const semiSync = { wanted: true, active: true, reason: null, acknowledged: null }
  const source = { ...exampleStatus.source, semiSync: { ...semiSync, replicas: waited } }
  expect(semiSyncText(source)).toBe(text)
})
