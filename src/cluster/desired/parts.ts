/*
  What the operator wants, in the parts that are kept apart in etcd, as JSON:

      source               {"source": {..., "password": SEALED}, "self": {...}, "isSourceRunning": true}
      settings/retention   {"retention": {"maxSizeBytes": 1073741824}}
      users                {"users": SEALED}       a list as in the users file

  Each has besides, as `change`, a name of the write that wrote it, made for that write alone: whoever has lost the
  answer knows its own write by it.

  The users are one value: so a list that was emptied stays empty, and nobody learns from etcd who they are.
*/
import { z } from 'zod'
import { userEntriesSchema } from '../../config/index.ts'
import { type Desired, identitySchema, retentionSchema, sourceSchema } from '../../desired/index.ts'
import { OperationalError } from '../../lib/index.ts'

/** Of the text of a list of users. etcd takes 1.5 MiB at a time, and keeps a thousand of the last versions. */
const USERS_BYTES_MOST = 64 * 1024

/** `seal` and `open` are bound to the key that the part has. */
export interface Seals {
  readonly seal: (text: string) => string
  readonly open: (sealed: string) => string
}

/** What every part has besides its own. */
export interface Kept {
  readonly change: string
}

export interface Part {
  readonly name: string
  /** checks what is kept */
  readonly parse: (content: unknown) => Kept
  /** what of the whole it is */
  readonly pick: (desired: Desired) => Partial<Desired>
  readonly toKept: (desired: Desired, seals: Seals) => object
  /** @throws OperationalError E_CLUSTER_SECRET */
  readonly fromKept: (kept: Kept, seals: Seals) => Partial<Desired>
}

interface TypedPart<Own extends object> {
  readonly name: string
  readonly schema: z.ZodType<Own>
  readonly pick: (desired: Desired) => Partial<Desired>
  readonly toKept: (desired: Desired, seals: Seals) => Own
  readonly fromKept: (own: Own, seals: Seals) => Partial<Desired>
}

const keptSchema = z.object({ change: z.string() })

function part<Own extends object>({ schema, fromKept, ...rest }: TypedPart<Own>): Part {
  const both = z.intersection(schema, keptSchema)
  return {
    ...rest,
    parse: (content) => both.parse(content),
    // What was checked by the schema is what it is by its type.
    fromKept: (kept, seals) => fromKept(schema.parse(kept), seals),
  }
}

const source = part({
  name: 'source',
  schema: z.object({
    source: sourceSchema.optional(),
    self: identitySchema,
    isSourceRunning: z.boolean(),
  }),
  pick: ({ source, self, isSourceRunning }) => ({ source, self, isSourceRunning }),
  toKept: ({ source, self, isSourceRunning }, { seal }) => ({
    source: source && { ...source, password: seal(source.password) },
    self,
    isSourceRunning,
  }),
  fromKept: ({ source, ...rest }, { open }) => ({
    ...rest,
    source: source && { ...source, password: open(source.password) },
  }),
})

const retention = part({
  name: 'settings/retention',
  schema: z.object({ retention: retentionSchema }),
  pick: ({ retention }) => ({ retention }),
  toKept: ({ retention }) => ({ retention }),
  fromKept: (kept) => kept,
})

const users = part({
  name: 'users',
  schema: z.object({ users: z.string() }),
  pick: ({ users }) => ({ users }),
  toKept: ({ users = [] }, { seal }) => {
    const text = JSON.stringify(users)
    const size = Buffer.byteLength(text)
    if (size > USERS_BYTES_MOST) {
      const message = `the users of a cluster may take ${USERS_BYTES_MOST} bytes, not ${size}`
      throw new OperationalError('E_USERS_INVALID', message)
    }
    return { users: seal(text) }
  },
  fromKept: ({ users }, { open }) => {
    const read = userEntriesSchema.safeParse(JSON.parse(open(users)))
    if (read.success) return { users: read.data }
    const message = 'the users in etcd are not as this version of Kingbus writes them'
    throw new OperationalError('E_ETCD_DAMAGED', message)
  },
})

export const PARTS: readonly Part[] = [source, retention, users]
