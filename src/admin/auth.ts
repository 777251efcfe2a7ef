import bearerAuth from '@fastify/bearer-auth'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { present } from '../lib/index.ts'

/** Probes and orchestrators ask these without a token; they tell nothing but yes or no. */
const OPEN_ROUTES: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz'])

export function isProbe({ routeOptions }: FastifyRequest): boolean {
  return OPEN_ROUTES.has(routeOptions.url)
}

/** Every route but the probes asks for `Authorization: Bearer TOKEN`; none does without a token. */
export async function requireToken(app: FastifyInstance, token: string | undefined): Promise<void> {
  if (token === undefined) return
  await app.register(bearerAuth, { keys: new Set([token]), addHook: false })
  const verify = present(app.verifyBearerAuth, 'what bearer-auth adds to fastify')
  app.addHook('onRequest', (request, reply, done) => {
    if (isProbe(request)) done()
    else verify(request, reply, done)
  })
}
