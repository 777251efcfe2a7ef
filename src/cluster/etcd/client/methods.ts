import { fileURLToPath } from 'node:url'
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader'
import { InvariantError } from '../../../lib/index.ts'
import type {
  LeaseMessage,
  MemberMessage,
  MembersResponse,
  RangeRequest,
  RangeResponse,
  StatusResponse,
  TxnRequest,
  TxnResponse,
  WatchRequest,
  WatchResponse,
} from './messages.ts'

/** A method of etcd's API: its path, and how its messages become bytes and back. */
export interface Method<Request, Response> {
  readonly path: string
  readonly serialize: (request: Request) => Buffer
  readonly deserialize: (bytes: Buffer) => Response
}

// The folder `proto/` lies beside `src/` and `dist/`, so that the same way leads to it from both.
const definitions = loadSync(
  fileURLToPath(new URL('../../../../proto/etcd.proto', import.meta.url)),
  { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
)

function method<Request, Response>(service: string, name: string): Method<Request, Response> {
  const found = definitions[`etcdserverpb.${service}`] as ServiceDefinition | undefined
  const definition = found?.[name]
  if (definition === undefined) throw new InvariantError(`etcd.proto has no ${service}.${name}`)
  return {
    path: definition.path,
    serialize: (request) => definition.requestSerialize(request as object),
    deserialize: (bytes) => definition.responseDeserialize(bytes) as Response,
  }
}

type MemberId = { readonly ID: string }

export const METHODS = {
  range: method<RangeRequest, RangeResponse>('KV', 'Range'),
  txn: method<TxnRequest, TxnResponse>('KV', 'Txn'),
  watch: method<WatchRequest, WatchResponse>('Watch', 'Watch'),
  leaseGrant: method<{ readonly TTL: number }, LeaseMessage>('Lease', 'LeaseGrant'),
  leaseRevoke: method<{ readonly ID: string }, unknown>('Lease', 'LeaseRevoke'),
  leaseKeepAlive: method<{ readonly ID: string }, LeaseMessage>('Lease', 'LeaseKeepAlive'),
  memberList: method<{ readonly linearizable: boolean }, MembersResponse>('Cluster', 'MemberList'),
  memberAdd: method<
    { readonly peerURLs: readonly string[]; readonly isLearner: boolean },
    MembersResponse & { readonly member: MemberMessage }
  >('Cluster', 'MemberAdd'),
  memberRemove: method<MemberId, MembersResponse>('Cluster', 'MemberRemove'),
  memberPromote: method<MemberId, MembersResponse>('Cluster', 'MemberPromote'),
  memberUpdate: method<MemberId & { readonly peerURLs: readonly string[] }, MembersResponse>(
    'Cluster',
    'MemberUpdate',
  ),
  status: method<Readonly<Record<string, never>>, StatusResponse>('Maintenance', 'Status'),
} as const
