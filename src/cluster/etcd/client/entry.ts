import type { EventMessage, KeyValueMessage, RangeRequest } from './messages.ts'

/** A key with its value as etcd has it. */
export interface Entry {
  readonly key: string
  readonly value: Buffer
  /** revision at which the key was made, and at which it was written last */
  readonly createRevision: bigint
  readonly modRevision: bigint
  /** id of the lease with which the key goes away; `0` for none */
  readonly lease: string
}

/** One change of one key. Of a deletion the entry has the key and the revision alone. */
export interface KeyEvent {
  readonly kind: 'put' | 'delete'
  readonly entry: Entry
}

export function toEntry(message: KeyValueMessage): Entry {
  return {
    key: message.key.toString('utf8'),
    value: message.value,
    createRevision: BigInt(message.create_revision),
    modRevision: BigInt(message.mod_revision),
    lease: message.lease,
  }
}

export function toEvent({ type, kv }: EventMessage): KeyEvent {
  return { kind: type === 'PUT' ? 'put' : 'delete', entry: toEntry(kv) }
}

/** One key, or all that begin with a prefix. */
export type KeyRange = { readonly key: string } | { readonly prefix: string }

export function rangeOf(range: KeyRange): RangeRequest {
  if ('key' in range) return { key: Buffer.from(range.key) }
  // The end of a prefix is the prefix with its last byte one higher; ours are ASCII and end in `/`.
  const end = Buffer.from(range.prefix)
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1)
  return { key: Buffer.from(range.prefix), range_end: end }
}
