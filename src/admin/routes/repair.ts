import type { NodeFace } from '../node-face.ts'
import { repairSchema, repairWishSchema } from '../repair-schemas.ts'
import { REFUSALS } from '../schemas.ts'
import type { App } from './app.ts'

const response = { 200: repairSchema, ...REFUSALS }

export function repairRoutes(app: App, node: NodeFace): void {
  app.get(
    '/api/v1/repair',
    { schema: { summary: 'The repair that is under way on this node, or the last one', response } },
    () => node.repair(),
  )
  app.post(
    '/api/v1/repair',
    {
      schema: {
        summary: 'Begin to repair damaged files of this node; answers at once',
        body: repairWishSchema,
        response,
      },
    },
    ({ body }) => node.startRepair(body),
  )
}
