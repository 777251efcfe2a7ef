import { describe, expect, it } from 'vitest'
import { configurationOf, deviations, type MemberSettings } from './member-settings.ts'

const settings: MemberSettings = {
  name: 'n1',
  peerUrl: 'https://db1.example:2380',
  clientUrl: 'https://[fd00::7]:2379',
  initialCluster: 'n1=https://db1.example:2380',
  initialClusterState: 'new',
  clusterToken: 'token',
  heartbeatMs: 120,
  electionMs: 1300,
}
const paths = {
  dataFolder: '/data/etcd',
  authority: 'a.pem',
  serverCertificate: 's.pem',
  serverKey: 's.key',
  clientCertificate: 'c.pem',
  clientKey: 'c.key',
}
/** As etcd 3.5.30 says it. */
const said = {
  name: 'n1',
  'data-dir': '/data/etcd',
  'force-new-cluster': false,
  'pre-vote': true,
  'initial-corrupt-check': true,
  'auto-compaction-mode': 'revision',
  'auto-compaction-retention': '1µs',
  'quota-backend-bytes': 2_147_483_648,
  'heartbeat-interval': '120ms',
  'election-timeout': '1.2s',
}

describe('the settings of a member', () => {
  it('listen on an address, and on all where a name is given', () => {
    expect(configurationOf(settings, paths)).toMatchObject({
      'listen-peer-urls': 'https://0.0.0.0:2380',
      'initial-advertise-peer-urls': 'https://db1.example:2380',
      'listen-client-urls': 'https://[fd00::7]:2379',
    })
  })

  it('always ask for certificates', () => {
    const trust = { 'client-cert-auth': true, 'trusted-ca-file': 'a.pem' }
    expect(configurationOf(settings, paths)).toMatchObject({
      'peer-transport-security': trust,
      'client-transport-security': trust,
    })
  })

  it('are kept by an etcd that says so, in its own units and whole heartbeats', () => {
    expect(deviations(settings, paths, said)).toEqual([])
  })

  it.each([
    ['election-timeout', '1.3s'],
    ['heartbeat-interval', '100ms'],
    ['initial-corrupt-check', undefined],
    ['force-new-cluster', true],
    ['quota-backend-bytes', 0],
  ])('are not kept by an etcd whose %s is %s', (key, value) => {
    const [only, ...more] = deviations(settings, paths, { ...said, [key]: value })
    expect(only).toContain(`${key} is ${String(value)} instead of`)
    expect(more).toEqual([])
  })
})
