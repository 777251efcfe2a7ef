import { z } from 'zod'
import type { NodeFace } from '../node-face.ts'
import { purgeRequestSchema, purgeSchema } from '../purge-schemas.ts'
import { absentReplicaSchema, fileSchema, REFUSALS, replicaSchema } from '../schemas.ts'
import type { App } from './app.ts'

const FILES = { 200: z.array(fileSchema) }
const REPLICAS = { 200: z.array(replicaSchema) }
const ABSENT = { 200: z.array(absentReplicaSchema), ...REFUSALS }

/** The files, who reads them, and who needs them. */
export function fileRoutes(app: App, node: NodeFace): void {
  app.get(
    '/api/v1/files',
    { schema: { summary: 'The binlog files that are kept, oldest first', response: FILES } },
    () => node.files(),
  )
  app.post(
    '/api/v1/purge',
    {
      schema: {
        summary: 'Remove the oldest files, or say what that would be',
        body: purgeRequestSchema,
        response: { 200: purgeSchema, ...REFUSALS },
      },
    },
    async ({ body }) => await node.purge(body),
  )
  app.get(
    '/api/v1/replicas',
    { schema: { summary: 'The replicas that are connected', response: REPLICAS } },
    () => node.replicas(),
  )
  app.get(
    '/api/v1/replicas/absent',
    {
      schema: {
        summary: 'The replicas that are away, and what is kept for them',
        response: ABSENT,
      },
    },
    async () => await node.absentReplicas(),
  )
  app.delete(
    '/api/v1/replicas/absent/:name',
    {
      schema: {
        summary: 'Keep nothing any more for a replica that is away',
        params: z.object({ name: z.string().describe('its uuid, or its host') }),
        response: ABSENT,
      },
    },
    async ({ params: { name } }) => {
      await node.forgetReplica(name)
      return await node.absentReplicas()
    },
  )
}
