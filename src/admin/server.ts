import swagger from '@fastify/swagger'
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { ADMIN_BODY_BYTES_MOST, type Address, formatAddress } from '../config/index.ts'
import {
  type ErrorCode,
  InvariantError,
  type Logger,
  messageOf,
  OperationalError,
} from '../lib/index.ts'
import { requireToken } from './auth.ts'
import type { NodeFace } from './node-face.ts'
import { healthRoutes } from './routes/health.ts'
import { sourceRoutes } from './routes/source.ts'
import { statusRoutes } from './routes/status.ts'

export interface AdminOptions {
  readonly node: NodeFace
  readonly version: string
  readonly log: Logger
  /** callers must bring it; undefined asks for none */
  readonly token: string | undefined
  /** PEM; undefined serves plain HTTP */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  /** called with what is our own bug, after the caller was answered 500 */
  readonly onBug: (bug: InvariantError) => void
}

/** The HTTP status of the codes that are the caller's doing; any other is 500. */
const HTTP_STATUS: Partial<Record<ErrorCode, number>> = {
  E_SOURCE_UNCONFIGURED: 409,
}

export type AdminApp = Awaited<ReturnType<typeof buildAdmin>>

/** The API without a socket. */
export async function buildAdmin(options: AdminOptions) {
  const settings = { bodyLimit: ADMIN_BODY_BYTES_MOST, forceCloseConnections: true }
  const bare: FastifyInstance =
    options.tls === undefined
      ? fastify(settings)
      : // The instance differs from the plain one only in the type of its server, which nobody uses.
        fastify({ ...settings, https: options.tls })
  const app = bare.withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler<FastifyError>((error, _request, reply) => answerError(error, reply, options))
  app.setNotFoundHandler((request, reply) => {
    const message = `there is no ${request.method} ${request.url}; see /api/v1/openapi.json`
    return reply.code(404).send({ code: 'not-found', message })
  })
  await app.register(swagger, {
    openapi: { info: { title: 'Kingbus', version: options.version } },
    transform: jsonSchemaTransform,
  })
  await requireToken(app, options.token)
  healthRoutes(app, options.node)
  statusRoutes(app, options.node)
  sourceRoutes(app, options.node)
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, () => app.swagger())
  return app
}

function answerError(error: FastifyError, reply: FastifyReply, { log, onBug }: AdminOptions) {
  if (error instanceof OperationalError) {
    const { code, message } = error
    return reply.code(HTTP_STATUS[code] ?? 500).send({ code, message })
  }
  const status = error.statusCode ?? 500
  if (status === 401) {
    const message = 'this node asks for its token: send it as Authorization: Bearer TOKEN'
    return reply.code(status).send({ code: 'E_ADMIN_REFUSED', message })
  }
  if (status < 500) return reply.code(status).send({ code: 'bad-request', message: error.message })
  log.error({ error: error.stack }, 'a request of the HTTP API could not be answered')
  if (error instanceof InvariantError) onBug(error)
  return reply.code(500).send({ code: 'internal', message: messageOf(error) })
}

/**
 * Listens; returns where.
 * @throws OperationalError E_LISTEN
 */
export async function listenAdmin(app: AdminApp, address: Address): Promise<string> {
  try {
    return await app.listen(address)
  } catch (cause) {
    const place = formatAddress(address)
    const message = `admin.listen ${place} cannot be listened on: ${messageOf(cause)}`
    throw new OperationalError('E_LISTEN', message, { address: place }, { cause })
  }
}
