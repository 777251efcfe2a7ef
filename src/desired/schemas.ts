/*
  What is kept, as JSON. Fields that a later version adds are passed over. A field that is `undefined` is absent in
  JSON, and always there in what is read, so that two values compare by structure.
*/
import { z } from 'zod'
import {
  KEEP_FOR_ABSENT_REPLICAS_MS,
  startAtSchema,
  TLS_MODES,
  userEntriesSchema,
} from '../config/index.ts'
import { OperationalError } from '../lib/index.ts'
import type { Desired, RetentionWish, SourceIdentity, SourceWish } from './desired.ts'

const amount = z.int().nonnegative()

export const sourceSchema: z.ZodType<SourceWish> = z
  .object({
    host: z.string().min(1),
    port: z.int().min(1).max(65_535),
    user: z.string().min(1),
    password: z.string(),
    tls: z.enum(TLS_MODES),
    caFile: z.string().min(1).optional(),
    startAt: z
      .string()
      .refine(
        (text) => startAtSchema.safeParse(text).success,
        'must be oldest, newest or a GTID set',
      ),
    semiSync: z.boolean(),
  })
  .transform(({ caFile, ...rest }) => ({ ...rest, caFile }))

export const identitySchema: z.ZodType<SourceIdentity> = z.object({
  serverId: z.int().min(1).max(4_294_967_295),
  uuid: z.guid().toLowerCase(),
})

export const retentionSchema: z.ZodType<RetentionWish> = z
  .object({
    maxSizeBytes: amount.optional(),
    maxAgeMs: amount.optional(),
    // Absent where a version wrote it that did not know the key.
    keepForAbsentReplicasMs: amount.default(KEEP_FOR_ABSENT_REPLICAS_MS),
    ceilingBytes: amount.optional(),
  })
  .transform(({ maxSizeBytes, maxAgeMs, ceilingBytes, ...rest }) => ({
    ...rest,
    maxSizeBytes,
    maxAgeMs,
    ceilingBytes,
  }))

const desiredSchema: z.ZodType<Desired> = z
  .object({
    source: sourceSchema.optional(),
    self: identitySchema,
    isSourceRunning: z.boolean(),
    retention: retentionSchema,
    users: userEntriesSchema.optional(),
  })
  .transform(({ source, users, ...rest }) => ({ ...rest, source, users }))

/** @throws OperationalError E_CONFIG_INVALID, which names the field and never a value: that might be a password */
export function checkDesired(made: Desired): Desired {
  const read = desiredSchema.safeParse(made)
  if (read.success) return read.data
  const problems = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new OperationalError('E_CONFIG_INVALID', problems.join('; '))
}
