/*
  What the HTTP API takes and answers about going on with another source; as schemas.ts.
*/
import { z } from 'zod'
import { errorSchema, sourceChangeSchema } from './schemas.ts'

export const switchRequestSchema = sourceChangeSchema
  .pick({ address: true, user: true, password: true, tls: true, caFile: true, semiSync: true })
  .required({ address: true })
  .extend({
    dryRun: z.boolean().default(false).describe('only look whether it could be done'),
  })

const gtids = z.string().nullable()

export const switchSchema = z.object({
  dryRun: z.boolean(),
  switched: z.boolean().describe('the new source is the one that is followed from now on'),
  refusal: errorSchema
    .nullable()
    .describe('why Kingbus would not go on with this server; null when it would'),
  address: z.string().describe('HOST:PORT of the server that was looked at'),
  flavor: z.enum(['mysql', 'mariadb']).nullable(),
  serverVersion: z.string().nullable(),
  serverUuid: z.string().nullable(),
  isSameServer: z
    .boolean()
    .nullable()
    .describe('what was stored last came from this very server; null while nothing is stored'),
  gtidMode: z.string().nullable().describe('ON for MariaDB, always'),
  readOnly: z.boolean().nullable().describe('it takes no writes now (read_only, super_read_only)'),
  semiSync: z.enum(['on', 'off', 'absent']).nullable().describe('its semi-sync plugin'),
  gtidExecuted: gtids,
  lacking: gtids.describe('stored here, and not there: has to be empty'),
  ahead: gtids.describe('there, and not stored here: would come to Kingbus and its replicas'),
  missing: gtids.describe('of ahead, what the server has purged: has to be empty'),
  begins: z
    .object({
      file: z.string().describe('our file that what comes goes into'),
      sourceFile: z.string().describe("the server's file that it comes from"),
      isNew: z.boolean().describe('a file of ours begins; otherwise the newest one goes on'),
    })
    .nullable(),
  findings: z
    .array(
      z.object({
        id: z.string(),
        severity: z.enum(['ok', 'note', 'warning', 'problem']),
        found: z.string(),
        remedy: z.string(),
      }),
    )
    .describe("what of the server's settings is not as it should be, as in kingbus doctor"),
})

export type SwitchRequest = z.output<typeof switchRequestSchema>
export type SwitchResult = z.output<typeof switchSchema>
