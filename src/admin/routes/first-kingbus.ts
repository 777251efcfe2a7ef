/*
  The routes of the first Kingbus, so that what was written for it goes on working. Each does what a route below
  /api/v1 does, by the same node.
*/
import type { FastifyError } from 'fastify'
import { z } from 'zod'
import { formatAddress } from '../../config/index.ts'
import type { MemberStatus } from '../cluster-schemas.ts'
import {
  addMemberSchema,
  memberSchema,
  refusalSchema,
  removeMemberSchema,
  replyOf,
  roleSchema,
  serverSchema,
  serverStatusSchema,
  syncerSchema,
  syncerStatusSchema,
  updateMemberSchema,
} from '../first-kingbus-schemas.ts'
import { type ErrorSinks, httpErrorOf } from '../http-errors.ts'
import type { NodeFace, ServingStatus } from '../node-face.ts'
import type { ReplicaStatus, SourceStatus, Status } from '../schemas.ts'
import type { App } from './app.ts'

const tags = ['first Kingbus']
const REFUSALS = {
  400: refusalSchema,
  404: refusalSchema,
  409: refusalSchema,
  500: refusalSchema,
  503: refusalSchema,
  504: refusalSchema,
} as const
const membersSchema = replyOf(z.array(memberSchema))
const MEMBERS = { 200: membersSchema, ...REFUSALS }
const DONE = { 200: replyOf(z.literal('')), ...REFUSALS }
const FIRST_REGISTERED = 1

const success = <T>(data: T) => ({ message: 'success' as const, data })

/** With errors of its own shape, hence in a scope of its own. */
export async function firstKingbusRoutes(
  app: App,
  node: NodeFace,
  sinks: ErrorSinks,
): Promise<void> {
  await app.register((scope: App, _options, done) => {
    scope.setErrorHandler<FastifyError>((error, _request, reply) => {
      const { status, message } = httpErrorOf(error, sinks)
      return reply.code(status).send({ message, data: null })
    })
    membershipRoutes(scope, node)
    syncerRoutes(scope, node)
    serverRoutes(scope, node)
    done()
  })
}

function membershipRoutes(app: App, { cluster }: NodeFace): void {
  const listed = async () => success((await cluster.members()).map(memberOf))
  app.get(
    '/cluster',
    {
      schema: {
        summary: 'As `GET /api/v1/members`',
        tags,
        response: { 200: replyOf(z.array(roleSchema)) },
      },
    },
    async () => success((await cluster.members()).map(roleOf)),
  )
  app.get(
    '/members',
    { schema: { summary: 'As `GET /api/v1/members`', tags, response: MEMBERS } },
    async (_request, reply) => await reply.serializer(exactText).send(await listed()),
  )
  app.post(
    '/members',
    {
      schema: {
        summary: 'As `POST /api/v1/members`',
        tags,
        body: addMemberSchema,
        response: MEMBERS,
      },
    },
    async ({ body: { name, peer_url: peerUrl, admin_url: adminUrl } }, reply) => {
      await cluster.add({ name, peerUrl, adminUrl, observer: false })
      return await reply.serializer(exactText).send(await listed())
    },
  )
  app.put(
    '/members',
    {
      schema: {
        summary: 'As `PUT /api/v1/members/{name}`',
        tags,
        body: updateMemberSchema,
        response: MEMBERS,
      },
    },
    async ({ body }, reply) => {
      await cluster.changeUrl(body.name, body.new_peer_url)
      return await reply.serializer(exactText).send(await listed())
    },
  )
  app.delete(
    '/members',
    {
      schema: {
        summary: 'As `DELETE /api/v1/members/{name}`',
        tags,
        body: removeMemberSchema,
        response: MEMBERS,
      },
    },
    async ({ body }, reply) => {
      await cluster.remove(body.name)
      return await reply.serializer(exactText).send(await listed())
    },
  )
}

function syncerRoutes(app: App, node: NodeFace): void {
  app.put(
    '/binlog/syncer/start',
    {
      schema: {
        summary: 'As `POST /api/v1/source/start`, with the source',
        tags,
        body: syncerSchema,
        response: { ...DONE, 200: replyOf(z.literal(0)) },
      },
    },
    async ({ body }) => {
      await node.startSource({
        replicaServerId: body.syncer_id,
        replicaUuid: body.syncer_uuid,
        address: body.mysql_addr,
        user: body.mysql_user,
        password: body.mysql_password,
        semiSync: body.semi_sync,
      })
      return success(0 as const)
    },
  )
  app.put(
    '/binlog/syncer/stop',
    { schema: { summary: 'As `POST /api/v1/source/stop`', tags, response: DONE } },
    async () => {
      await node.stopSource()
      return success('' as const)
    },
  )
  app.get(
    '/binlog/syncer/status',
    {
      schema: {
        summary: 'As `GET /api/v1/source`',
        tags,
        response: { 200: replyOf(syncerStatusSchema), ...REFUSALS },
      },
    },
    async () => success(syncerStatusOf(await node.status(), await node.source())),
  )
}

function serverRoutes(app: App, node: NodeFace): void {
  app.put(
    '/binlog/server/start',
    {
      schema: {
        summary: 'Let replicas connect again, and this user among them',
        tags,
        body: serverSchema,
        response: DONE,
      },
    },
    async ({ body: { addr: address, user, password } }) => {
      await node.startServing({ address, user, password })
      return success('' as const)
    },
  )
  app.put(
    '/binlog/server/stop',
    {
      schema: {
        summary: 'End the dumps and let no replica connect until it is started again',
        tags,
        response: DONE,
      },
    },
    async () => {
      await node.stopServing()
      return success('' as const)
    },
  )
  app.get(
    '/binlog/server/status',
    {
      schema: {
        summary: 'Who reads from this node',
        tags,
        response: { 200: replyOf(serverStatusSchema) },
      },
    },
    async () => success(serverStatusOf(await node.status(), node.serving())),
  )
}

function memberFieldsOf({ name, peerUrl, adminUrl }: MemberStatus) {
  return {
    peerURLs: peerUrl === null ? [] : [peerUrl],
    name,
    ...(adminUrl === null ? {} : { adminURLs: [adminUrl] }),
  }
}

function roleOf(member: MemberStatus) {
  return { Id: member.id, ...memberFieldsOf(member), isLeader: member.isLeader }
}

function memberOf(member: MemberStatus) {
  const fields = memberFieldsOf(member)
  return { Id: Number(BigInt(`0x${member.id}`)), IdHex: member.id, ...fields }
}

/** With all the digits that `Id` had in the first Kingbus, which no number of JavaScript has. */
function exactText({ message, data }: z.output<typeof membersSchema>): string {
  const members = data.map(({ Id: _rounded, ...rest }) => {
    return `{"Id":${BigInt(`0x${rest.IdHex}`)},${JSON.stringify(rest).slice(1)}`
  })
  return `{"message":${JSON.stringify(message)},"data":[${members.join(',')}]}`
}

function endOf({ visibleEnd, gtidExecuted, gtidPurged }: Status) {
  return {
    current_gtid: '' as const,
    last_binlog_file: visibleEnd?.file ?? '',
    last_file_position: visibleEnd?.position ?? 0,
    executed_gtid_set: gtidExecuted,
    purged_gtid_set: gtidPurged,
  }
}

/** @param status of the node that is asked: what it shows */
function syncerStatusOf(status: Status, source: SourceStatus): z.output<typeof syncerStatusSchema> {
  const isStopped = ['unconfigured', 'stopped', 'failed'].includes(source.state)
  return {
    syncer_id: source.replicaServerId ?? 0,
    syncer_uuid: source.replicaUuid ?? '',
    mysql_addr: source.address ?? '',
    mysql_user: source.user ?? '',
    mysql_password: '',
    semi_sync: source.semiSync.wanted,
    ...endOf(status),
    status: isStopped ? 'stopped' : 'running',
  }
}

function serverStatusOf(
  status: Status,
  { address, isOpen, user }: ServingStatus,
): z.output<typeof serverStatusSchema> {
  return {
    addr: address === undefined ? '' : formatAddress(address),
    user: user ?? '',
    password: '',
    slaves: status.replicas.map(slaveOf),
    ...endOf(status),
    status: isOpen ? 'running' : 'stopped',
  }
}

function slaveOf(replica: ReplicaStatus): z.output<typeof serverStatusSchema>['slaves'][number] {
  const at = replica.address.lastIndexOf(':')
  return {
    replication_state: FIRST_REGISTERED,
    server_id: replica.serverId,
    server_uuid: replica.uuid ?? '',
    host_name: replica.address.slice(0, at).replace(/^\[(.*)\]$/, '$1'),
    port: Number(replica.address.slice(at + 1)),
    user: replica.user,
    password: '',
    connect_time: replica.since,
    stats: {},
  }
}
