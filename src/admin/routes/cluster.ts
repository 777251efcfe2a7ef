import { z } from 'zod'
import {
  clusterSchema,
  memberNameSchema,
  memberSchema,
  newMemberSchema,
  peerUrlChangeSchema,
} from '../cluster-schemas.ts'
import type { NodeFace } from '../node-face.ts'
import { REFUSALS } from '../schemas.ts'
import type { App } from './app.ts'

const MEMBERS = { 200: z.array(memberSchema), ...REFUSALS }

export function clusterRoutes(app: App, { cluster }: NodeFace): void {
  app.get(
    '/api/v1/cluster',
    {
      schema: { summary: 'Who leads, and how far each node is', response: { 200: clusterSchema } },
    },
    async () => await cluster.status(),
  )
  app.get(
    '/api/v1/members',
    {
      schema: {
        summary: 'The nodes of the cluster; the node itself where it is alone',
        response: { 200: z.array(memberSchema) },
      },
    },
    async () => await cluster.members(),
  )
  app.post(
    '/api/v1/members',
    { schema: { summary: 'Add a node', body: newMemberSchema, response: MEMBERS } },
    async ({ body }) => {
      await cluster.add(body)
      return await cluster.members()
    },
  )
  const params = memberNameSchema
  app.put(
    '/api/v1/members/:name',
    {
      schema: {
        summary: 'Change where the others reach a node',
        params,
        body: peerUrlChangeSchema,
        response: MEMBERS,
      },
    },
    async ({ params: { name }, body }) => {
      await cluster.changeUrl(name, body.peerUrl)
      return await cluster.members()
    },
  )
  app.delete(
    '/api/v1/members/:name',
    { schema: { summary: 'Remove a node', params, response: MEMBERS } },
    async ({ params: { name } }) => {
      await cluster.remove(name)
      return await cluster.members()
    },
  )
  app.post(
    '/api/v1/members/:name/lead',
    {
      schema: {
        summary: 'Hand the leadership over to a node; answers when it leads',
        params,
        response: MEMBERS,
      },
    },
    async ({ params: { name } }) => {
      await cluster.lead(name)
      return await cluster.members()
    },
  )
}
