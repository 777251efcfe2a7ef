/*
  etcd's messages as they come from and go to the wire: 64-bit numbers are decimal strings, which
  become bigint (revisions) or stay as they are (ids) in what the client hands out.
*/
export interface ResponseHeader {
  readonly revision: string
}

export interface KeyValueMessage {
  readonly key: Buffer
  readonly create_revision: string
  readonly mod_revision: string
  readonly value: Buffer
  readonly lease: string
}

export interface RangeRequest {
  readonly key: Buffer
  readonly range_end?: Buffer
  readonly limit?: number
}

export interface RangeResponse {
  readonly header: ResponseHeader
  readonly kvs: readonly KeyValueMessage[]
  readonly more: boolean
}

export interface RequestOp {
  readonly request_range?: RangeRequest
  readonly request_put?: { readonly key: Buffer; readonly value: Buffer; readonly lease: string }
  readonly request_delete_range?: { readonly key: Buffer }
}

export interface CompareMessage {
  readonly result: 'EQUAL'
  readonly target: 'MOD' | 'VALUE'
  readonly key: Buffer
  readonly mod_revision?: string
  readonly value?: Buffer
}

export interface TxnRequest {
  readonly compare: readonly CompareMessage[]
  readonly success: readonly RequestOp[]
  readonly failure: readonly RequestOp[]
}

export interface TxnResponse {
  readonly header: ResponseHeader
  readonly succeeded: boolean
  readonly responses: readonly { readonly response_range?: RangeResponse }[]
}

export interface EventMessage {
  readonly type: 'PUT' | 'DELETE'
  readonly kv: KeyValueMessage
}

export interface WatchRequest {
  readonly create_request?: {
    readonly key: Buffer
    readonly range_end?: Buffer
    readonly start_revision: string
    readonly fragment: boolean
  }
  readonly progress_request?: Readonly<Record<string, never>>
}

export interface WatchResponse {
  readonly header: ResponseHeader
  readonly created: boolean
  readonly canceled: boolean
  /** `0` unless the watch was cancelled because its revision is compacted */
  readonly compact_revision: string
  readonly cancel_reason: string
  /** more events of the last revision follow in the next message */
  readonly fragment: boolean
  readonly events: readonly EventMessage[]
}

export interface LeaseMessage {
  readonly ID: string
  readonly TTL: string
}

export interface MemberMessage {
  readonly ID: string
  readonly name: string
  readonly peerURLs: readonly string[]
  readonly clientURLs: readonly string[]
  readonly isLearner: boolean
}

export interface MembersResponse {
  readonly members: readonly MemberMessage[]
}

export interface StatusResponse {
  readonly version: string
  readonly dbSize: string
  /** `0` while the member knows of no leader */
  readonly leader: string
  readonly errors: readonly string[]
  readonly isLearner: boolean
}
