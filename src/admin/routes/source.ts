import type { NodeFace } from '../node-face.ts'
import { errorSchema, sourceSchema } from '../schemas.ts'
import type { App } from './app.ts'

const response = { 200: sourceSchema, 409: errorSchema }

export function sourceRoutes(app: App, node: NodeFace): void {
  app.get(
    '/api/v1/source',
    { schema: { summary: 'The link to the source', response: { 200: sourceSchema } } },
    () => node.source(),
  )
  app.post(
    '/api/v1/source/start',
    { schema: { summary: 'Connect again, at once; does nothing where it runs', response } },
    async () => {
      await node.startSource()
      return node.source()
    },
  )
  app.post(
    '/api/v1/source/stop',
    { schema: { summary: 'Disconnect until it is started again', response } },
    async () => {
      await node.stopSource()
      return node.source()
    },
  )
}
