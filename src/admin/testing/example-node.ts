import { AloneCluster } from '../alone-cluster.ts'
import type { NodeFace } from '../node-face.ts'
import type { Status } from '../schemas.ts'

/** A status with every field filled in. */
export const exampleStatus: Status = {
  name: 'one',
  version: '1.2.3',
  startedAt: '2026-11-23T12:00:00.000Z',
  serverId: 7,
  serverUuid: '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
  listen: '127.0.0.1:3390',
  source: {
    state: 'waiting',
    since: '2026-11-23T12:00:01.000Z',
    address: 'db.example:3306',
    user: 'repl',
    tls: 'preferred',
    replicaServerId: 1001,
    replicaUuid: 'f7e30637-f15a-11e8-accc-244427b6b60e',
    serverUuid: '6ccd780c-baba-1026-9564-5b8c656024db',
    serverVersion: '9.7.1',
    file: 'binlog.000002',
    position: 1234,
    lagSeconds: 2,
    safeToPurgeTo: 'binlog.000002',
    semiSync: {
      wanted: true,
      active: false,
      reason: 'the source has no semi-sync plugin',
      acknowledged: { file: 'binlog.000002', position: 1200 },
    },
    attempts: 3,
    error: { code: 'E_SOURCE_UNREACHABLE', message: 'connection refused' },
  },
  gtidExecuted: '6ccd780c-baba-1026-9564-5b8c656024db:1-5',
  gtidPurged: '',
  visibleEnd: { file: 'binlog.000002', position: 1200 },
  files: 1,
  bytes: 1200,
  disk: { freeBytes: 10_000, totalBytes: 20_000 },
  replicas: [
    {
      id: 4,
      user: 'repl',
      address: '10.0.0.7:51244',
      serverId: 12,
      uuid: null,
      file: 'binlog.000002',
      position: 1000,
      state: 'sending',
      lagBytes: 200,
      bytesSent: 900,
      since: '2026-11-23T12:00:05.000Z',
    },
  ],
}

/** A node whose answers never change. */
export const exampleNode: NodeFace = {
  cluster: new AloneCluster(() => ({
    id: '0123456789abcdef',
    name: 'one',
    adminUrl: 'http://127.0.0.1:9595',
    address: '127.0.0.1:3390',
    visible: { sequence: 12, file: 'binlog.000002', position: 1200 },
  })),
  status: async () => exampleStatus,
  source: () => exampleStatus.source,
  files: () => [
    {
      name: 'binlog.000002',
      size: 1200,
      firstEventAt: '2026-11-23T12:00:00.000Z',
      lastEventAt: null,
      sourceFile: 'binlog.000002',
      sourceUuid: '6ccd780c-baba-1026-9564-5b8c656024db',
      active: true,
      readers: 1,
    },
  ],
  replicas: () => exampleStatus.replicas,
  notReady: () => undefined,
  startSource: async () => {},
  stopSource: async () => {},
  startServing: async () => {},
  stopServing: async () => {},
  serving: () => ({ address: { host: '127.0.0.1', port: 3390 }, isOpen: true, user: 'kb' }),
  metrics: async () => ({ contentType: 'text/plain', text: 'kingbus_info 1\n' }),
}
