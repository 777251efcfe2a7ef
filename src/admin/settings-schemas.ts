/*
  What the HTTP API takes and answers about retention and users; as schemas.ts.
*/
import { z } from 'zod'
import {
  PASSWORD_PLUGINS,
  RIGHTS,
  TAGGED_GTIDS,
  userFields,
  userOptionFields,
} from '../config/index.ts'

/** As in the first Kingbus's routes. */
export const PASSWORD_LENGTH_MOST = 256

const sizeSchema = z
  .int()
  .positive()
  .nullable()
  .describe('the oldest files go when all together are larger; null: without limit')
const ageSchema = z
  .int()
  .positive()
  .nullable()
  .describe('files go whose newest event is older, in milliseconds; null: without limit')

const keepSchema = z
  .int()
  .nonnegative()
  .describe('what a replica needs that is away is kept so long, in milliseconds')
const ceilingSchema = z
  .int()
  .positive()
  .nullable()
  .describe(
    'what all files may take whichever replica needs them; null: what the disk has room for',
  )

const retentionFields = {
  maxSizeBytes: sizeSchema,
  maxAgeMs: ageSchema,
  keepForAbsentReplicasMs: keepSchema,
  ceilingBytes: ceilingSchema,
}

export const retentionSchema = z.object(retentionFields)

/** Strict, since a name that is mistyped would change nothing without a word. */
export const retentionChangeSchema = z.strictObject(retentionFields).partial()

export const userSchema = z.object({
  name: z.string(),
  rights: z.array(z.enum(RIGHTS)),
  requireTls: z.boolean(),
  requireCertificate: z.boolean(),
  requireSubject: z.string().nullable(),
  requireIssuer: z.string().nullable(),
  taggedGtids: z.enum(TAGGED_GTIDS),
})

export const newUserSchema = z
  .strictObject({
    name: userFields.name,
    password: z.string().min(1).max(PASSWORD_LENGTH_MOST).optional(),
    passwordHash: userFields.passwordHash
      .optional()
      .describe('as mysql.user.authentication_string has it, in place of the password'),
    plugin: z
      .enum(PASSWORD_PLUGINS)
      .optional()
      .describe('what the password is hashed for; mysql_native_password is for old clients'),
    rights: userFields.rights,
    requireTls: userOptionFields['require-tls'],
    requireCertificate: userOptionFields['require-certificate'].describe(
      'one that an authority of serve.client-ca-file has signed',
    ),
    requireSubject: userOptionFields['require-subject'],
    requireIssuer: userOptionFields['require-issuer'],
    taggedGtids: userOptionFields['tagged-gtids'],
  })
  .refine(
    ({ password, passwordHash }) => (password === undefined) !== (passwordHash === undefined),
    {
      error: 'needs either password or passwordHash',
    },
  )
  .refine(({ plugin, passwordHash }) => plugin === undefined || passwordHash === undefined, {
    error: 'a passwordHash says by itself what its plugin is',
  })

export const userNameSchema = z.object({ name: z.string() })

export type RetentionStatus = z.output<typeof retentionSchema>
export type RetentionChange = z.output<typeof retentionChangeSchema>
export type UserStatus = z.output<typeof userSchema>
export type NewUser = z.output<typeof newUserSchema>
