/*
  What the HTTP API answers. The same schemas check the answers on the way out, make the OpenAPI document,
  and tell the command line what to expect.
*/
import { z } from 'zod'
import { addressSchema, TLS_MODES } from '../config/index.ts'

export const errorSchema = z.object({ code: z.string(), message: z.string() })

/** What a request that may be refused is answered. */
export const REFUSALS = {
  400: errorSchema,
  404: errorSchema,
  409: errorSchema,
  503: errorSchema,
  504: errorSchema,
} as const

export const positionSchema = z.object({
  file: z.string(),
  position: z.number().describe('byte offset in the file'),
})

export const SOURCE_STATES = [
  'unconfigured',
  'connecting',
  'streaming',
  'waiting',
  'paused',
  'stopped',
  'failed',
  'follower',
] as const

export const NODE_ROLES = ['leader', 'in-sync', 'catching-up', 'observer', 'away'] as const

export const fileAlarmsSchema = z
  .array(
    errorSchema.extend({
      file: z.string().describe('a name that ends in .idx is the index of that file'),
      from: z.number().describe('first byte of the range'),
      to: z.number().describe('the byte behind the range'),
      event: z
        .number()
        .optional()
        .describe(
          'where the first event begins that has bytes of the range, where that can be told',
        ),
      transaction: z.string().optional().describe('GTID of the transaction that is hit, likewise'),
    }),
  )
  .describe(
    'what the background check and reading have found: E_STORE_DAMAGED: the file is not what was stored, and is ' +
      "not served there; E_COPIES_DIFFER: it is, and the leader's is another; at most 64",
  )

const scrubSchema = z
  .object({
    rate: z.number().nullable().describe('bytes a second, as scrub.rate; null: off'),
    checking: z.string().nullable().describe('the file that is compared now'),
    roundSeconds: z
      .number()
      .nullable()
      .describe('how long a round through all that is held now takes; null: off'),
    lastRound: z
      .object({ beganAt: z.string(), seconds: z.number(), bytes: z.number() })
      .nullable()
      .describe('the last one that came to its end; null before'),
  })
  .describe('the background check of the stored files and their indexes')

const failoverSchema = z
  .object({
    candidates: z.array(z.string()).describe('HOST:PORT of each'),
    afterSeconds: z.number().describe('source.failover-after'),
    count: z.number().describe('how often one was followed since the start of the node'),
    error: errorSchema
      .nullable()
      .describe('why none is followed although the source has been unreachable for so long'),
  })
  .nullable()
  // Absent where a version answers that does not know it.
  .default(null)
  .describe('the servers that are followed by themselves, source.candidates; null: none')

export const sourceSchema = z.object({
  state: z
    .enum(SOURCE_STATES)
    .describe(
      'waiting and paused go on by themselves, stopped was asked for, failed needs the operator, follower: ' +
        'the node that leads the cluster reads the source, and this one follows that node',
    ),
  leader: z
    .string()
    .nullable()
    .describe(
      'name of the node that reads the source, its own on a node that is alone; null while no node leads',
    ),
  since: z.string().nullable().describe('when this state began; ISO 8601, UTC'),
  address: z.string().nullable().describe('HOST:PORT'),
  user: z.string().nullable(),
  tls: z.string().nullable().describe('source.tls'),
  caFile: z.string().nullable().describe('source.ca-file, on the node that reads the source'),
  startAt: z.string().nullable().describe('source.start-at'),
  replicaServerId: z
    .number()
    .nullable()
    .describe('server_id by which the source knows its replica, whichever node that is'),
  replicaUuid: z.string().nullable().describe('server_uuid by which it does'),
  serverUuid: z.string().nullable().describe('of the source that was reached last'),
  serverVersion: z.string().nullable(),
  variables: z
    .record(z.string(), z.string())
    .nullable()
    .describe(
      'global variables of the source that clients look for here; null before it was reached',
    ),
  file: z.string().nullable().describe("the source's file up to which everything was received"),
  position: z.number().nullable().describe('byte offset in that file'),
  lagSeconds: z
    .number()
    .nullable()
    .describe(
      'age of what was received last while the source has more; 0 when nothing is missing, null when ' +
        'the source cannot be asked',
    ),
  safeToPurgeTo: z
    .string()
    .nullable()
    .describe('the name to give to PURGE BINARY LOGS TO on the source: all before it is held'),
  semiSync: z
    .object({
      wanted: z.boolean().describe('source.semi-sync'),
      active: z
        .boolean()
        .describe('commits on the source wait until they are durable here, as it says itself'),
      reason: z.string().nullable().describe('why it is not active although it is wanted'),
      acknowledged: positionSchema
        .nullable()
        .describe("in the source's files: everything before it was acknowledged"),
      replicas: z
        .object({
          needed: z.number().describe('serve.wait-for-replicas'),
          connected: z.number().describe('semi-sync replicas that are connected to this node'),
          held: positionSchema
            .nullable()
            .describe('all before it is safe with as many as are needed; null: nothing yet'),
          waitingSince: z
            .string()
            .nullable()
            .describe(
              'since when a commit waits for replicas alone; ISO 8601, UTC; null while none does',
            ),
          waitingFor: z
            .array(z.string())
            .describe('the connected semi-sync replicas that lack it: server_uuid or server_id'),
        })
        .nullable()
        .describe('whose acknowledgements commits wait for, too; null: nobody'),
    })
    .describe('semi-synchronous replication'),
  attempts: z.number().describe('attempts without success so far'),
  error: errorSchema.nullable().describe('why it is not streaming; null where nothing is wrong'),
  failover: failoverSchema,
})

/** HOST:PORT where something can be reached. */
export const dialAddressSchema = addressSchema.refine(
  ({ port }) => port > 0,
  'needs a port above 0',
)

/** Strict, since a name that is mistyped would change nothing without a word. */
export const sourceChangeSchema = z
  .strictObject({
    address: dialAddressSchema.describe('HOST:PORT'),
    user: z.string().min(1),
    password: z
      .string()
      .describe('is never shown; has to be given again where address or user change'),
    tls: z.enum(TLS_MODES),
    caFile: z.string().min(1).nullable().describe('null: the authorities that Node.js knows'),
    startAt: z.string().min(1).describe('oldest, newest or a GTID set'),
    semiSync: z.boolean(),
    replicaServerId: z.int().min(1).max(4_294_967_295),
    replicaUuid: z.string().toLowerCase().pipe(z.guid()),
  })
  .partial()

export const fileSchema = z.object({
  name: z.string(),
  size: z.number().describe('bytes that may be shown'),
  firstEventAt: z.string().nullable().describe('ISO 8601, UTC; null while it has no event'),
  lastEventAt: z.string().nullable(),
  sourceFile: z.string().describe("the source's name of the file"),
  sourceUuid: z.string(),
  active: z.boolean().describe('the one that is being written'),
  readers: z.number().describe('dumps that read it now'),
})

export const replicaSchema = z.object({
  id: z.number().describe('connection id, as in SHOW PROCESSLIST'),
  user: z.string(),
  address: z.string().describe('HOST:PORT of its end of the connection'),
  serverId: z.number(),
  uuid: z.string().nullable(),
  file: z
    .string()
    .nullable()
    .describe('the file its dump reads; null while it looks for the start'),
  position: z.number().nullable().describe('byte offset up to which it was sent'),
  state: z
    .enum(['registered', 'sending', 'waiting'])
    .describe('waiting: it was sent everything; registered: its dump has not begun'),
  lagBytes: z.number().nullable().describe('from there to the visible end'),
  bytesSent: z.number(),
  semiSync: z
    .object({
      acknowledged: positionSchema
        .nullable()
        .describe('all before it is safe with the replica; null before the first time'),
      at: z.string().nullable().describe('when it said so; ISO 8601, UTC'),
      acks: z.number().describe('acknowledgements on this connection'),
    })
    .nullable()
    .describe('null for a replica that is not a semi-sync one'),
  since: z.string().describe('ISO 8601, UTC'),
})

export const DISK_STATES = ['ok', 'slow', 'full', 'read-only', 'failed'] as const

const diskSchema = z
  .object({
    state: z
      .enum(DISK_STATES)
      .describe(
        'slow: it has not answered for a second or more; full: less than disk.min-free is free, or a write found no ' +
          'room; both go on by themselves. read-only, failed (a write or an fdatasync): need the operator',
      ),
    since: z.string().nullable().describe('when that began; null where nothing is wrong'),
    error: errorSchema.nullable().describe('what is wrong, and what to do'),
    freeBytes: z.number(),
    totalBytes: z.number(),
    unsyncedBytes: z.number().describe('received and written, and not durable on this node yet'),
    lastSyncMs: z
      .number()
      .nullable()
      .describe('what the newest fdatasync took, in milliseconds; null before the first'),
  })
  .describe('the file system of the data directory')

export const absentReplicaSchema = z.object({
  uuid: z.string(),
  serverId: z.number(),
  user: z.string(),
  host: z.string().describe('report_host, else the address that it came from'),
  node: z.string().describe('name of the node that saw it last'),
  file: z.string().describe('the file up to which it was sent'),
  position: z.number(),
  needs: z.string().describe('the oldest file that it may ask for'),
  awaySeconds: z
    .number()
    .describe('how long it has been away while there was a node to come back to'),
  keptUntil: z
    .string()
    .nullable()
    .describe('when it is forgotten and its files may go; ISO 8601, UTC; null: it was given up'),
  givenUp: z.boolean().describe('what it needs was removed: it cannot go on where it was'),
})

export const statusSchema = z.object({
  name: z.string(),
  version: z.string(),
  startedAt: z.string().describe('ISO 8601, UTC'),
  serverId: z.number().describe('what replicas see'),
  serverUuid: z.string(),
  listen: z.string().nullable().describe('HOST:PORT where replicas connect'),
  source: sourceSchema.describe(
    'as this node sees it; GET /api/v1/source asks the node that leads',
  ),
  cluster: z
    .object({
      leader: z.string().nullable().describe('name of the node that leads; null while none does'),
      role: z
        .enum(NODE_ROLES)
        .describe('of this node, as in GET /api/v1/cluster; away: it takes no part'),
      epoch: z.number(),
      trouble: errorSchema.nullable().describe('what keeps this node from taking part'),
    })
    .nullable()
    .describe('null on a node that is alone'),
  gtidExecuted: z.string().describe('exactly as MySQL prints it'),
  gtidPurged: z.string(),
  visibleEnd: positionSchema
    .nullable()
    .describe('the last point outside a transaction that is durable; null before the first file'),
  files: z.number(),
  bytes: z.number(),
  alarms: fileAlarmsSchema,
  scrub: scrubSchema,
  disk: diskSchema,
  replicas: z.array(replicaSchema),
  retention: z
    .object({
      absent: z.number().describe('replicas that are away and that files are kept for'),
      keptBytes: z
        .number()
        .describe('what stays for them although retention.max-size or max-age would let it go'),
      givenUp: z
        .array(z.object({ uuid: z.string(), host: z.string(), needs: z.string() }))
        .describe('replicas that are away and cannot go on: what they need was removed'),
    })
    .nullable()
    .describe('null on a node that does not lead, or does not know it yet'),
})

export type Status = z.output<typeof statusSchema>
export type SourceStatus = z.output<typeof sourceSchema>
export type SourceChange = z.output<typeof sourceChangeSchema>
export type FileStatus = z.output<typeof fileSchema>
export type ReplicaStatus = z.output<typeof replicaSchema>
export type AbsentReplica = z.output<typeof absentReplicaSchema>
