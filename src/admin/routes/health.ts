import { z } from 'zod'
import type { NodeFace } from '../node-face.ts'
import type { App } from './app.ts'

const aliveSchema = z.object({ alive: z.literal(true) })
const readySchema = z.object({ ready: z.boolean(), reason: z.string().nullable() })

export function healthRoutes(app: App, node: NodeFace): void {
  app.get(
    '/healthz',
    { schema: { summary: 'The process is alive', response: { 200: aliveSchema } } },
    () => ({ alive: true as const }),
  )
  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Replicas can be served; a source that is down does not matter',
        response: { 200: readySchema, 503: readySchema },
      },
    },
    (_request, reply) => {
      const reason = node.notReady()
      const ready = reason === undefined
      void reply.code(ready ? 200 : 503)
      return { ready, reason: reason ?? null }
    },
  )
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const { contentType, text } = await node.metrics()
    return await reply.type(contentType).send(text)
  })
}
