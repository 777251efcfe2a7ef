import { z } from 'zod'
import { ProtocolError } from '../lib/index.ts'
import { GtidSet } from '../mysql/index.ts'

/** Where to begin in the binlog of a source that is met for the first time; the set is what to skip. */
export type StartAt = 'oldest' | 'newest' | GtidSet

export const startAtSchema = z.string().transform((text, context): StartAt => {
  if (text === 'oldest' || text === 'newest') return text
  try {
    return GtidSet.parse(text)
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    context.addIssue(`must be oldest, newest or a GTID set: ${thrown.message}`)
    return z.NEVER
  }
})
