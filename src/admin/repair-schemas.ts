/*
  What the HTTP API takes and answers about repairs; as schemas.ts.
*/
import { z } from 'zod'
import { errorSchema } from './schemas.ts'

/** Strict, since a name that is mistyped would repair something else. */
export const repairWishSchema = z.strictObject({
  file: z
    .string()
    .min(1)
    .optional()
    .describe('a binlog file, or its index; left out: all that are known to be damaged'),
  dryRun: z
    .boolean()
    .optional()
    .describe('finds out whether it can be done, by doing all but the last step'),
})

const fileRepairSchema = z.object({
  file: z.string(),
  state: z
    .enum(['waiting', 'running', 'whole', 'repaired', 'repairable', 'failed'])
    .describe('whole: it was as it was stored; repairable: of a dry run; failed: error says why'),
  doneBytes: z.number().describe('that were fetched or copied for it so far'),
  damages: z
    .array(
      z.object({
        file: z.string().describe('a name that ends in .idx is the index'),
        from: z.number(),
        to: z.number().describe('the byte behind the range'),
        what: z.string(),
      }),
    )
    .describe('what was damaged'),
  from: z.array(z.string()).describe('who gave the bytes; nobody for an index made from its file'),
  error: errorSchema.nullable(),
})

export const repairSchema = z.object({
  state: z.enum(['none', 'running', 'done']),
  dryRun: z.boolean(),
  startedAt: z.string().nullable().describe('ISO 8601, UTC'),
  endedAt: z.string().nullable(),
  files: z.array(fileRepairSchema),
})

export type RepairWish = z.output<typeof repairWishSchema>
export type RepairStatus = z.output<typeof repairSchema>
export type FileRepairStatus = z.output<typeof fileRepairSchema>
