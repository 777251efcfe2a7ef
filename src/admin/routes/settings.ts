import { z } from 'zod'
import type { NodeFace } from '../node-face.ts'
import { REFUSALS } from '../schemas.ts'
import {
  newUserSchema,
  retentionChangeSchema,
  retentionSchema,
  userNameSchema,
  userSchema,
} from '../settings-schemas.ts'
import type { App } from './app.ts'

const RETENTION = { 200: retentionSchema, ...REFUSALS }
const USERS = { 200: z.array(userSchema), ...REFUSALS }

export function settingsRoutes(app: App, node: NodeFace): void {
  app.get(
    '/api/v1/retention',
    { schema: { summary: 'What is removed by itself, and when', response: RETENTION } },
    () => node.retention(),
  )
  app.put(
    '/api/v1/retention',
    {
      schema: {
        summary: 'Change that; what is left out stays as it is',
        body: retentionChangeSchema,
        response: RETENTION,
      },
    },
    async ({ body }) => {
      await node.setRetention(body)
      return node.retention()
    },
  )
  app.get(
    '/api/v1/users',
    { schema: { summary: 'Who may connect to the replication port', response: USERS } },
    async () => await node.users(),
  )
  app.post(
    '/api/v1/users',
    { schema: { summary: 'Add a user', body: newUserSchema, response: USERS } },
    async ({ body }) => {
      await node.addUser(body)
      return await node.users()
    },
  )
  app.delete(
    '/api/v1/users/:name',
    {
      schema: {
        summary: 'Remove a user; connections that are there stay',
        params: userNameSchema,
        response: USERS,
      },
    },
    async ({ params: { name } }) => {
      await node.removeUser(name)
      return await node.users()
    },
  )
}
