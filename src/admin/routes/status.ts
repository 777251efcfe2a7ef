import type { NodeFace } from '../node-face.ts'
import { statusSchema } from '../schemas.ts'
import type { App } from './app.ts'

export function statusRoutes(app: App, node: NodeFace): void {
  app.get(
    '/api/v1/status',
    { schema: { summary: 'The state of this node', response: { 200: statusSchema } } },
    async () => await node.status(),
  )
}
