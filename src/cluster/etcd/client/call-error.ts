import { status } from '@grpc/grpc-js'

/** How a call ended that brought no answer: gRPC's code, and the words of etcd or of gRPC. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: status
  readonly endpoint: string

  constructor(code: status, words: string, endpoint: string) {
    super(`${endpoint}: ${words}`)
    this.code = code
    this.endpoint = endpoint
  }
}

/** What gRPC hands to a callback, or throws out of a stream, as an error of ours. */
export function toCallError(thrown: unknown, endpoint: string): CallError {
  if (thrown instanceof CallError) return thrown
  if (thrown instanceof Error && 'code' in thrown && 'details' in thrown) {
    return new CallError(thrown.code as status, String(thrown.details), endpoint)
  }
  const words = thrown instanceof Error ? thrown.message : String(thrown)
  return new CallError(status.UNKNOWN, words, endpoint)
}

/** Codes by which etcd refuses a request; it was not applied then and never will be. */
const REFUSALS: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.RESOURCE_EXHAUSTED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
])

/** In etcd's own words, or in those of its server of gRPC, which refuses before etcd sees anything. */
const FROM_ETCD = /: (etcdserver|grpc: received message larger than max)\b/
/** etcd checks this before it proposes anything, but says it with the code of a lost connection. */
const UNHEALTHY = /: etcdserver: unhealthy cluster$/

/**
 * Whether etcd itself says that it did not do what was asked. Whatever else ends a call (a lost
 * connection, a deadline, a changed leader) leaves open whether it was done, or will be.
 */
export function isRefusal({ code, message }: CallError): boolean {
  if (code === status.UNIMPLEMENTED) return true
  return (REFUSALS.has(code) && FROM_ETCD.test(message)) || UNHEALTHY.test(message)
}
