import { z } from 'zod'
import type { NodeFace } from '../node-face.ts'
import { fileSchema, replicaSchema, statusSchema } from '../schemas.ts'
import type { App } from './app.ts'

export function statusRoutes(app: App, node: NodeFace): void {
  app.get(
    '/api/v1/status',
    { schema: { summary: 'The state of this node', response: { 200: statusSchema } } },
    async () => await node.status(),
  )
  app.get(
    '/api/v1/files',
    {
      schema: {
        summary: 'The binlog files that are kept, oldest first',
        response: { 200: z.array(fileSchema) },
      },
    },
    () => node.files(),
  )
  app.get(
    '/api/v1/replicas',
    {
      schema: {
        summary: 'The replicas that are connected',
        response: { 200: z.array(replicaSchema) },
      },
    },
    () => node.replicas(),
  )
}
