/*
  What the HTTP API takes and answers about the nodes of a cluster; as schemas.ts.
*/
import { z } from 'zod'
import { formatUrl, nodeNameSchema, nodeUrlSchema, peerUrlSchema } from '../config/index.ts'
import { fileAlarmsSchema, NODE_ROLES, positionSchema } from './schemas.ts'

const clusterNodeSchema = z.object({
  name: z.string(),
  role: z
    .enum(NODE_ROLES)
    .describe(
      'in-sync: what is committed waits for it; catching-up: not yet; observer: follows, never counts; ' +
        'away: nothing is heard of it',
    ),
  epoch: z.number().nullable().describe('in which it last took records; null where not known'),
  end: z
    .number()
    .nullable()
    .describe('sequence of its last durable record; 0 before the first, null where not known'),
  visibleEnd: positionSchema.nullable().describe('what it shows to replicas'),
  address: z.string().nullable().describe('HOST:PORT where replicas connect to it'),
  alarms: fileAlarmsSchema,
})

export const clusterSchema = z.object({
  name: z.string().describe('of the node that answers'),
  leader: z.string().nullable().describe('name of the node that leads; null when none does'),
  epoch: z.number().describe('one more with every change of the leader; 0 on a node that is alone'),
  committed: positionSchema
    .extend({ sequence: z.number().describe('of the last record that will never be undone') })
    .nullable()
    .describe('null before the first file'),
  nodes: z.array(clusterNodeSchema),
})

export const memberSchema = z.object({
  id: z.string().describe('16 hexadecimal digits'),
  name: z.string(),
  peerUrl: z.string().nullable().describe('cluster.peer-url; null on a node that is alone'),
  adminUrl: z.string().nullable().describe('where its HTTP API is, where that is known'),
  isLeader: z.boolean(),
  role: z.enum(['voter', 'observer']),
})

export const ADMIN_URL = nodeUrlSchema.transform(formatUrl)
export const PEER_URL = peerUrlSchema.transform(formatUrl)

export const newMemberSchema = z.object({
  name: nodeNameSchema,
  peerUrl: PEER_URL.describe('its cluster.peer-url'),
  adminUrl: ADMIN_URL.optional().describe('where its HTTP API is'),
  observer: z.boolean().default(false).describe('follows without a vote'),
})

export const peerUrlChangeSchema = z.object({ peerUrl: PEER_URL })

export const memberNameSchema = z.object({ name: z.string() })

export type ClusterStatus = z.output<typeof clusterSchema>
export type MemberStatus = z.output<typeof memberSchema>
export type NewMember = z.output<typeof newMemberSchema>
