import {
  ERROR_CATALOGUE,
  type ErrorCode,
  OperationalError,
  ProtocolError,
} from '../../lib/index.ts'
import { Reader, Writer } from '../../mysql/index.ts'
import {
  readFlag,
  readOptionalText,
  readText,
  writeOptionalText,
  writeText,
} from './field-codec.ts'
import { FRAME_BYTES_MAX } from './frame.ts'

/*
  A call: one `request` frame, one `answer` frame.

    request      text method, optional cluster of the caller, JSON
    answer       u8 1 an error follows, else 0, JSON
    error        {"code": one of docs/reference/errors.md, "message"}
*/

export interface Request {
  readonly method: string
  readonly cluster: string | undefined
  readonly body: unknown
}

/** @throws OperationalError E_PEER_REFUSED when it is too long */
export function encodeRequest({ method, cluster, body }: Request): Buffer {
  const writer = new Writer()
  writeText(writer, method)
  writeOptionalText(writer, cluster)
  return writeJson(writer, body, 'a request')
}

export function decodeRequest(payload: Buffer): Request {
  const reader = new Reader(payload)
  return {
    method: readText(reader, 'the method of a request'),
    cluster: readOptionalText(reader, 'the cluster of a request'),
    body: readJson(reader, 'a request'),
  }
}

/** @throws OperationalError E_PEER_REFUSED when it is too long */
export function encodeAnswer(body: unknown): Buffer {
  return writeJson(new Writer().u8(0), body, 'an answer')
}

export function encodeError({ code, message }: OperationalError): Buffer {
  return writeJson(new Writer().u8(1), { code, message: message.slice(0, 4096) }, 'an error')
}

/**
 * What was answered.
 * @throws OperationalError as it was answered; E_PEER_VERSION for a code that is not known here; ProtocolError
 */
export function decodeAnswer(payload: Buffer): unknown {
  const reader = new Reader(payload)
  const isError = readFlag(reader, 'an answer')
  const body = readJson(reader, 'an answer')
  if (!isError) return body
  if (typeof body !== 'object' || body === null) throw new ProtocolError('an error is no object')
  const { code, message } = body as { readonly code?: unknown; readonly message?: unknown }
  if (typeof code !== 'string' || typeof message !== 'string') {
    throw new ProtocolError('an error has no code or no message')
  }
  if (!Object.hasOwn(ERROR_CATALOGUE, code)) {
    throw new OperationalError('E_PEER_VERSION', `an error of another version: ${code}: ${message}`)
  }
  throw new OperationalError(code as ErrorCode, message)
}

function writeJson(writer: Writer, body: unknown, what: string): Buffer {
  const payload = writer.string(JSON.stringify(body ?? null)).finish()
  if (payload.length <= FRAME_BYTES_MAX) return payload
  const message = `${what} of ${payload.length} bytes is longer than ${FRAME_BYTES_MAX}`
  throw new OperationalError('E_PEER_REFUSED', message)
}

function readJson(reader: Reader, what: string): unknown {
  try {
    return JSON.parse(reader.rest().toString('utf8'))
  } catch {
    throw new ProtocolError(`${what} is no JSON`)
  }
}
