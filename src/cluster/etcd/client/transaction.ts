import { type Entry, toEntry } from './entry.ts'
import type { CompareMessage, RequestOp, TxnRequest, TxnResponse } from './messages.ts'

/** What must hold for `success`; a revision of 0 is that of a key which does not exist. */
export type Compare = { readonly key: string } & (
  | { readonly modRevision: bigint }
  | { readonly value: Buffer }
)

export type Operation =
  | { readonly put: string; readonly value: Buffer; readonly lease?: string }
  | { readonly remove: string }
  | { readonly get: string }

/** Done as one: `success` when all that is compared holds, else `failure`. */
export interface Transaction {
  readonly compare: readonly Compare[]
  readonly success: readonly Operation[]
  readonly failure?: readonly Operation[]
}

/**
 * How a write ended. `unknown`: it was sent and its answer was lost, so it may have been applied, may
 * be applied later, or never; only a look at what is there tells. It is never sent a second time.
 */
export type Written<T> =
  | { readonly kind: 'answered'; readonly answer: T }
  | { readonly kind: 'unknown'; readonly why: string }

export interface TransactionAnswer {
  /** whether all that was compared held */
  readonly succeeded: boolean
  readonly revision: bigint
  /** what the `get`s of the side that was done found, in their order */
  readonly found: readonly (Entry | undefined)[]
}

export function transactionRequest({ compare, success, failure = [] }: Transaction): TxnRequest {
  return {
    compare: compare.map(compareMessage),
    success: success.map(operationMessage),
    failure: failure.map(operationMessage),
  }
}

export function transactionAnswer(response: TxnResponse): TransactionAnswer {
  return {
    succeeded: response.succeeded,
    revision: BigInt(response.header.revision),
    found: response.responses.flatMap(({ response_range: range }) => {
      if (range === undefined) return []
      const [first] = range.kvs
      return [first === undefined ? undefined : toEntry(first)]
    }),
  }
}

function compareMessage(compare: Compare): CompareMessage {
  const key = Buffer.from(compare.key)
  if ('value' in compare) return { result: 'EQUAL', target: 'VALUE', key, value: compare.value }
  const revision = compare.modRevision.toString()
  return { result: 'EQUAL', target: 'MOD', key, mod_revision: revision }
}

function operationMessage(operation: Operation): RequestOp {
  if ('get' in operation) return { request_range: { key: Buffer.from(operation.get) } }
  if ('remove' in operation) {
    return { request_delete_range: { key: Buffer.from(operation.remove) } }
  }
  const { put, value, lease = '0' } = operation
  return { request_put: { key: Buffer.from(put), value, lease } }
}
