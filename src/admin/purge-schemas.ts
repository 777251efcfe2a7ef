/*
  What the HTTP API takes and answers about purging; as schemas.ts.
*/
import { z } from 'zod'

export const purgeRequestSchema = z
  .strictObject({
    to: z.string().min(1).optional().describe('the files before this one; it stays'),
    before: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('the oldest files, as long as all their events are before this moment'),
    force: z
      .boolean()
      .default(false)
      .describe('also what replicas need that are away: they cannot go on then'),
    dryRun: z.boolean().default(false).describe('only say what would be'),
  })
  .refine(({ to, before }) => (to === undefined) !== (before === undefined), {
    error: 'needs either to or before',
  })

export const purgeSchema = z.object({
  dryRun: z.boolean(),
  upTo: z.string().nullable().describe('the first file that stays; null when none goes'),
  files: z
    .array(z.object({ name: z.string(), size: z.number() }))
    .describe('those that go, or would'),
  bytes: z.number().describe('of these'),
  asked: z.number().describe('files that were asked for'),
  obstacles: z
    .array(
      z.object({
        kind: z
          .enum(['silent-node', 'reader', 'absent-replica'])
          .describe('only absent-replica gives way to force'),
        file: z.string().nullable().describe('the oldest file that stays for it; null: any'),
        who: z.string(),
        message: z.string(),
      }),
    )
    .describe('who keeps the others that were asked for'),
  loses: z
    .array(z.object({ uuid: z.string(), host: z.string(), needs: z.string() }))
    .describe('replicas that are away and cannot go on when these files are gone'),
})

export type PurgeRequest = z.output<typeof purgeRequestSchema>
export type PurgeResult = z.output<typeof purgeSchema>
export type PurgeObstacle = PurgeResult['obstacles'][number]
