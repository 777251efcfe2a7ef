import type { NodeFace } from '../node-face.ts'
import { REFUSALS, sourceChangeSchema, sourceSchema } from '../schemas.ts'
import { switchRequestSchema, switchSchema } from '../switch-schemas.ts'
import type { App } from './app.ts'

const response = { 200: sourceSchema, ...REFUSALS }

export function sourceRoutes(app: App, node: NodeFace): void {
  app.get(
    '/api/v1/source',
    { schema: { summary: 'The link to the source, on whichever node that is', response } },
    async () => await node.source(),
  )
  app.put(
    '/api/v1/source',
    {
      schema: {
        summary: 'Change which source is followed, and how; what is left out stays as it is',
        body: sourceChangeSchema,
        response,
      },
    },
    async ({ body }) => await node.setSource(body),
  )
  app.post(
    '/api/v1/source/start',
    { schema: { summary: 'Connect again, at once; does nothing where it runs', response } },
    async () => await node.startSource(),
  )
  app.post(
    '/api/v1/source/stop',
    { schema: { summary: 'Disconnect until it is started again', response } },
    async () => await node.stopSource(),
  )
  app.post(
    '/api/v1/source/switch',
    {
      schema: {
        summary: 'Go on with another source, after a look whether it has all that is stored here',
        body: switchRequestSchema,
        response: { 200: switchSchema, ...REFUSALS },
      },
    },
    async ({ body }) => await node.switchSource(body),
  )
}
