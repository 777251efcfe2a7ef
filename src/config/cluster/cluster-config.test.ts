import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemDisk } from '../../platform/index.ts'
import type { Key } from '../keys.ts'
import { loadConfig } from '../load.ts'
import { loadSecrets } from '../secrets.ts'
import { type ClusterConfig, clusterConfig } from './cluster-config.ts'

type Flags = Partial<Record<Key, string>>

const GOOD: Flags = {
  name: 'one',
  'cluster.peer-url': 'https://a.example:9600',
  'cluster.initial-cluster':
    'one=https://a.example:9600,two=https://b.example:9600, three=https://c.example:9610',
  'cluster.secret-file': 'secret',
}
const OBSERVER: Flags = {
  ...GOOD,
  name: 'far',
  'cluster.peer-url': 'https://far.example:9600',
  'cluster.observer': 'true',
}

async function load(flags: Flags) {
  const given = new Map(Object.entries(flags).filter(([, text]) => text !== '') as [Key, string][])
  return await loadConfig(systemDisk, { file: undefined, environment: {}, flags: given })
}

async function read(flags: Flags): Promise<ClusterConfig | undefined> {
  return clusterConfig((await load(flags)).config)
}

const https = (host: string, port: number) => ({ secure: true, host, port })

describe('a node of a cluster', () => {
  test('is one with a peer URL', async () => {
    expect(await read({})).toBeUndefined()
    expect(await read({ name: 'alone' })).toBeUndefined()
    expect(await read(GOOD)).toBeDefined()
  })

  test('has times, and an etcd on the two ports behind its own, unless told otherwise', async () => {
    const cluster = await read(GOOD)
    expect(cluster).toMatchObject({
      name: 'one',
      peerUrl: https('a.example', 9600),
      initialClusterState: 'new',
      heartbeatMs: 100,
      electionMs: 1000,
      leaseTtlSeconds: 3,
      observer: false,
      etcd: {
        kind: 'member',
        binary: 'etcd',
        peerUrl: https('a.example', 9601),
        clientUrl: https('a.example', 9602),
      },
    })
    expect(cluster?.initialCluster[2]).toEqual({
      name: 'three',
      url: https('c.example', 9610),
      etcdPeerUrl: https('c.example', 9611),
      etcdClientUrl: https('c.example', 9612),
    })
  })

  test('is given all of it', async () => {
    const cluster = await read({
      ...GOOD,
      'cluster.peer-url': 'HTTPS://A.example:9600/',
      'cluster.initial-cluster-state': 'existing',
      'cluster.heartbeat-interval': '50ms',
      'cluster.election-timeout': '0.5s',
      'cluster.lease-ttl': '2s',
      'cluster.etcd-binary': '/opt/etcd',
      'cluster.etcd-peer-url': 'https://[::1]:1',
      'cluster.etcd-client-url': 'https://a.example:2',
    })
    const urls = { peerUrl: https('::1', 1), clientUrl: https('a.example', 2) }
    expect(cluster).toMatchObject({
      initialClusterState: 'existing',
      heartbeatMs: 50,
      electionMs: 500,
      leaseTtlSeconds: 2,
      etcd: { kind: 'member', binary: '/opt/etcd', ...urls },
    })
    expect(cluster?.initialCluster[0]).toMatchObject({
      etcdPeerUrl: urls.peerUrl,
      etcdClientUrl: urls.clientUrl,
    })
  })

  test('speaks without TLS on loopback only', async () => {
    const cluster = await read({
      ...GOOD,
      'cluster.peer-url': 'http://127.0.0.1:9600',
      'cluster.initial-cluster': 'one=http://127.0.0.1:9600',
    })
    expect(cluster?.peerUrl).toEqual({ secure: false, host: '127.0.0.1', port: 9600 })
    expect(cluster?.etcd).toMatchObject({ peerUrl: https('127.0.0.1', 9601) })
  })

  test('that is an observer has no etcd, and the others need not know it from the beginning', async () => {
    const cluster = await read(OBSERVER)
    expect(cluster).toMatchObject({ observer: true, etcd: { kind: 'others' } })
  })

  test('starts no etcd beside one of the user', async () => {
    const endpoints = 'https://e1.example:2379,https://[fe80::1]:2379'
    const cluster = await read({
      ...GOOD,
      'cluster.endpoints': endpoints,
      'cluster.tls.ca-file': 'ca.pem',
    })
    expect(cluster?.etcd).toEqual({
      kind: 'endpoints',
      endpoints: [https('e1.example', 2379), https('fe80::1', 2379)],
      caFile: 'ca.pem',
      certFile: undefined,
      keyFile: undefined,
    })
  })
})

describe('what is refused', () => {
  const alone = { name: 'one' }
  test.each<[Flags, RegExp]>([
    [{ ...GOOD, 'cluster.secret-file': '' }, /needs cluster\.secret-file too/],
    [
      { ...GOOD, 'cluster.secret-file': '', 'cluster.initial-cluster': '' },
      /needs cluster\.initial-cluster and cluster\.secret-file too/,
    ],
    [
      { ...GOOD, name: 'four' },
      /names one, two, three, and not this node: add four=https:\/\/a\.example:9600, or set name/,
    ],
    [
      { ...GOOD, 'cluster.peer-url': 'https://a.example:9700' },
      /gives one the URL https:\/\/a\.example:9600, and cluster\.peer-url is https:\/\/a\.example:9700/,
    ],
    [
      { ...OBSERVER, name: 'one' },
      /gives one the URL .*9600, and cluster\.peer-url is https:\/\/far/,
    ],
    [{ ...GOOD, 'cluster.peer-url': 'http://a.example:9600' }, /write https:\/\/a\.example:9600/],
    [
      { ...GOOD, 'cluster.peer-url': 'https://0.0.0.0:9600' },
      /0\.0\.0\.0 is no address of a machine/,
    ],
    [{ ...GOOD, 'cluster.peer-url': 'https://a.example' }, /is not https:\/\/HOST:PORT/],
    [{ ...GOOD, 'cluster.peer-url': 'https://a.example:0' }, /is not https:\/\/HOST:PORT/],
    [{ ...GOOD, 'cluster.peer-url': 'https://a.example:1/x' }, /is not https:\/\/HOST:PORT/],
    [{ ...GOOD, 'cluster.peer-url': 'https://u:p@a.example:1' }, /is not https:\/\/HOST:PORT/],
    [{ ...GOOD, 'cluster.initial-cluster': 'https://a.example:9600' }, /is not NAME=URL/],
    [{ ...GOOD, 'cluster.initial-cluster': 'one=https://a.example:9600,' }, /"" is not NAME=URL/],
    [{ ...GOOD, 'cluster.initial-cluster': 'one=a:1' }, /one: "a:1" is not https/],
    [
      { ...GOOD, 'cluster.initial-cluster': 'one=https://a.example:9600,one=https://b.example:1' },
      /the name one stands there twice/,
    ],
    [
      {
        ...GOOD,
        'cluster.initial-cluster': 'one=https://a.example:9600,two=https://A.example:9600',
      },
      /the URL https:\/\/a\.example:9600 stands there twice/,
    ],
    [
      { ...GOOD, 'cluster.election-timeout': '499' },
      /499 ms must be at least 5 times .*set it to 500/,
    ],
    [{ ...GOOD, 'cluster.election-timeout': '51s' }, /more than etcd takes: at most 50000/],
    [{ ...GOOD, 'cluster.heartbeat-interval': '0' }, /is not milliseconds above 0/],
    [{ ...GOOD, 'cluster.lease-ttl': '1500ms' }, /must be whole seconds/],
    [{ ...GOOD, 'cluster.lease-ttl': '10' }, /is not a duration/],
    [{ ...GOOD, 'cluster.endpoints': 'http://e.example:1' }, /must be https/],
    [{ ...GOOD, 'cluster.endpoints': 'https://e.example:1,e2' }, /"e2" is not https/],
    [{ ...GOOD, 'cluster.etcd-peer-url': 'http://127.0.0.1:1' }, /must be https/],
    [
      {
        ...GOOD,
        'cluster.endpoints': 'https://e.example:1',
        'cluster.etcd-client-url': 'https://e.example:2',
      },
      /cluster\.etcd-client-url would be .* and cluster\.endpoints names an etcd of yours/,
    ],
    [
      { ...OBSERVER, 'cluster.etcd-peer-url': 'https://e.example:2' },
      /cluster\.etcd-peer-url would be .* and an observer has none/,
    ],
    [
      { ...GOOD, 'cluster.tls.ca-file': 'ca.pem' },
      /cluster\.tls\.ca-file would be for cluster\.endpoints, which is not set/,
    ],
    [
      {
        ...GOOD,
        'cluster.endpoints': 'https://e.example:1',
        'cluster.tls.key-file': 'key.pem',
      },
      /cluster\.tls\.cert-file and cluster\.tls\.key-file belong together/,
    ],
    [
      { ...GOOD, 'cluster.etcd-client-url': 'https://a.example:9601' },
      /cluster\.etcd-client-url and cluster\.etcd-peer-url are both a\.example:9601/,
    ],
    [
      { ...GOOD, 'cluster.etcd-peer-url': 'https://a.example:9600' },
      /cluster\.etcd-peer-url and cluster\.peer-url are both a\.example:9600/,
    ],
    [
      {
        ...GOOD,
        'cluster.peer-url': 'https://a.example:65534',
        'cluster.initial-cluster': 'one=https://a.example:65534',
      },
      /cluster\.etcd-client-url would be a\.example:65536, and there is no such port/,
    ],
    [{ ...alone, 'cluster.observer': 'true' }, /cluster\.observer is set, but .*cluster\.peer-url/],
    [
      { ...alone, 'cluster.secret-file': 'x', 'cluster.endpoints': 'https://e.example:1' },
      /cluster\.secret-file, cluster\.endpoints are set, but/,
    ],
  ])('%j', async (flags, message) => {
    await expect(load(flags)).rejects.toMatchObject({
      code: 'E_CONFIG_INVALID',
      message: expect.stringMatching(message),
    })
  })
})

describe('the secret', () => {
  async function secretOf(text: string, mode: number) {
    const path = join(await mkdtemp(join(tmpdir(), 'kingbus-cluster-')), 'secret')
    await writeFile(path, text)
    await chmod(path, mode)
    const loaded = await load({ ...GOOD, 'cluster.secret-file': path })
    return (await loadSecrets(systemDisk, loaded, {})).clusterSecret
  }

  test('is the text of its file without the final newline', async () => {
    expect(await secretOf('sixteen of them!\n', 0o600)).toBe('sixteen of them!')
  })

  test('that is short, or that others can read, is refused', async () => {
    await expect(secretOf('fifteen of them\n', 0o600)).rejects.toMatchObject({
      code: 'E_CLUSTER_SECRET',
    })
    await expect(secretOf('sixteen of them!\n', 0o644)).rejects.toThrow(/chmod 600/)
  })

  test('is not there for a node that is alone', async () => {
    expect((await loadSecrets(systemDisk, await load({}), {})).clusterSecret).toBeUndefined()
  })

  test('is refused in the settings themselves', async () => {
    const environment = { KINGBUS_CLUSTER_SECRET: 'Tr0ub4dor' }
    const attempt = loadConfig(systemDisk, { file: undefined, environment, flags: new Map() })
    await expect(attempt).rejects.toThrow(/cluster\.secret-file/)
    await expect(attempt).rejects.not.toThrow(/Tr0ub4dor/)
  })
})
