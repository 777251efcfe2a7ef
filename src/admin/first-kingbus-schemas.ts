/*
  What the routes of the first Kingbus take and answer: its names, `{"message", "data"}` around everything. No
  answer has a password in it, where those of the first Kingbus had: such fields are there and empty.
*/
import { z } from 'zod'
import { nodeNameSchema, userFields } from '../config/index.ts'
import { ADMIN_URL, PEER_URL } from './cluster-schemas.ts'
import { dialAddressSchema } from './schemas.ts'
import { PASSWORD_LENGTH_MOST } from './settings-schemas.ts'

export const replyOf = <T extends z.ZodType>(data: T) =>
  z.object({ message: z.literal('success'), data })

export const refusalSchema = z.object({ message: z.string(), data: z.null() })

const memberFields = {
  peerURLs: z.array(z.string()),
  name: z.string(),
  adminURLs: z.array(z.string()).optional().describe('left out where not known'),
}

export const roleSchema = z.object({
  Id: z.string().describe('hexadecimal'),
  ...memberFields,
  isLeader: z.boolean(),
})

export const memberSchema = z.object({
  Id: z.number().describe('64 bits; more than a number of JavaScript can hold'),
  IdHex: z.string().describe('the same as a string, as GET /cluster has it'),
  ...memberFields,
})

export const addMemberSchema = z.object({
  name: nodeNameSchema,
  peer_url: PEER_URL,
  admin_url: ADMIN_URL.optional(),
})

export const updateMemberSchema = z.object({ name: z.string(), new_peer_url: PEER_URL })

export const removeMemberSchema = z.object({
  name: z.string(),
  peer_url: z.string().optional().describe('is not looked at'),
})

export const syncerSchema = z.object({
  syncer_id: z.int().min(1).max(4_294_967_295).describe('server_id towards the source'),
  syncer_uuid: z.string().toLowerCase().pipe(z.guid()).describe('server_uuid towards the source'),
  mysql_addr: dialAddressSchema.describe('HOST:PORT of the source'),
  mysql_user: z.string().min(1),
  mysql_password: z.string(),
  semi_sync: z.boolean().default(false),
})

export const serverSchema = z.object({
  addr: dialAddressSchema.describe(
    'serve.listen, or an address of this machine where that is 0.0.0.0',
  ),
  user: userFields.name,
  password: z.string().min(1).max(PASSWORD_LENGTH_MOST),
})

const endFields = {
  current_gtid: z.literal('').describe('is not kept'),
  last_binlog_file: z.string(),
  last_file_position: z.number(),
  executed_gtid_set: z.string(),
  purged_gtid_set: z.string(),
  status: z.enum(['running', 'stopped']),
}

export const syncerStatusSchema = z.object({
  syncer_id: z.number(),
  syncer_uuid: z.string(),
  mysql_addr: z.string(),
  mysql_user: z.string(),
  mysql_password: z.literal('').describe('is never shown'),
  semi_sync: z.boolean(),
  ...endFields,
})

const slaveSchema = z.object({
  replication_state: z.number().describe('1: registered'),
  server_id: z.number(),
  server_uuid: z.string(),
  host_name: z.string().describe('of its end of the connection'),
  port: z.number(),
  user: z.string(),
  password: z.literal('').describe('is never shown'),
  connect_time: z.string(),
  stats: z.object({}),
})

export const serverStatusSchema = z.object({
  addr: z.string(),
  user: z.string().describe('that was given last with a start'),
  password: z.literal('').describe('is never shown'),
  slaves: z.array(slaveSchema),
  ...endFields,
})
