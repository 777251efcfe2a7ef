import swagger from '@fastify/swagger'
import { type FastifyError, type FastifyInstance, fastify } from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { ADMIN_BODY_BYTES_MOST, type Address, formatAddress } from '../config/index.ts'
import { messageOf, OperationalError } from '../lib/index.ts'
import { requireToken } from './auth.ts'
import { refuseCrossSite } from './cross-site.ts'
import { type ErrorSinks, httpErrorOf } from './http-errors.ts'
import type { NodeFace } from './node-face.ts'
import { clusterRoutes } from './routes/cluster.ts'
import { fileRoutes } from './routes/files.ts'
import { firstKingbusRoutes } from './routes/first-kingbus.ts'
import { healthRoutes } from './routes/health.ts'
import { repairRoutes } from './routes/repair.ts'
import { settingsRoutes } from './routes/settings.ts'
import { sourceRoutes } from './routes/source.ts'
import { statusRoutes } from './routes/status.ts'

export interface AdminOptions extends ErrorSinks {
  readonly node: NodeFace
  readonly version: string
  /** callers must bring it; undefined asks for none */
  readonly token: string | undefined
  /** PEM; undefined serves plain HTTP */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
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
  takeEmptyBodies(bare)
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    const { status, code, message } = httpErrorOf(error, options)
    return reply.code(status).send({ code, message })
  })
  app.setNotFoundHandler((request, reply) => {
    const message = `there is no ${request.method} ${request.url}; see /api/v1/openapi.json`
    return reply.code(404).send({ code: 'not-found', message })
  })
  await app.register(swagger, {
    openapi: { info: { title: 'Kingbus', version: options.version } },
    transform: jsonSchemaTransform,
  })
  refuseCrossSite(bare, options.token)
  await requireToken(app, options.token)
  healthRoutes(app, options.node)
  statusRoutes(app, options.node)
  fileRoutes(app, options.node)
  sourceRoutes(app, options.node)
  settingsRoutes(app, options.node)
  clusterRoutes(app, options.node)
  repairRoutes(app, options.node)
  await firstKingbusRoutes(app, options.node, options)
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, () => app.swagger())
  return app
}

/** `curl -H Content-Type:application/json -X PUT` without a body is a request as good as any. */
function takeEmptyBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  const options = { parseAs: 'string' } as const
  app.addContentTypeParser<string>('application/json', options, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, body, done)
  })
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
