import type { FastifyError } from 'fastify'
import {
  type ErrorCode,
  InvariantError,
  type Logger,
  messageOf,
  OperationalError,
} from '../lib/index.ts'

export interface ErrorSinks {
  readonly log: Logger
  /** called with what is our own bug */
  readonly onBug: (bug: InvariantError) => void
}

export interface HttpError {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** The HTTP status of the codes that are the caller's doing, or will be over in a while; any other is 500. */
const HTTP_STATUS: Partial<Record<ErrorCode, number>> = {
  E_CONFIG_INVALID: 400,
  E_ADMIN_REFUSED: 403,
  E_SOURCE_UNCONFIGURED: 409,
  E_SWITCH_REFUSED: 409,
  E_SERVE_ADDRESS_FIXED: 409,
  E_USER_EXISTS: 409,
  E_USER_UNKNOWN: 404,
  E_REPLICA_UNKNOWN: 404,
  E_FILE_IN_USE: 409,
  E_FILE_NEEDED: 409,
  E_USERS_INVALID: 409,
  E_LISTEN: 409,
  E_FILE_UNKNOWN: 404,
  E_REPAIR_RUNNING: 409,
  E_CLUSTER_NONE: 409,
  E_MEMBER_UNKNOWN: 404,
  E_MEMBER_EXISTS: 409,
  E_MEMBER_REFUSED: 409,
  E_CHANGE_UNSETTLED: 409,
  E_NOT_LEADER: 503,
  E_CLUSTER_LATE: 504,
  E_ETCD_UNAVAILABLE: 503,
  E_ETCD_REFUSED: 503,
  E_PEER_UNREACHABLE: 503,
  E_PEER_SECRET: 503,
  E_PEER_VERSION: 503,
  E_PEER_REFUSED: 503,
}

/** What the caller is told; what is our own fault goes to the log too. */
export function httpErrorOf(error: FastifyError, { log, onBug }: ErrorSinks): HttpError {
  if (error instanceof OperationalError) {
    const { code, message } = error
    return { status: HTTP_STATUS[code] ?? 500, code, message }
  }
  const status = error.statusCode ?? 500
  if (status === 401) {
    const message = 'this node asks for its token: send it as Authorization: Bearer TOKEN'
    return { status, code: 'E_ADMIN_REFUSED', message }
  }
  if (status === 415) {
    const message = 'the body must be JSON, with the header Content-Type: application/json'
    return { status, code: 'bad-request', message }
  }
  if (status < 500) return { status, code: 'bad-request', message: error.message }
  log.error({ error: error.stack }, 'a request of the HTTP API could not be answered')
  if (error instanceof InvariantError) onBug(error)
  return { status: 500, code: 'internal', message: messageOf(error) }
}
