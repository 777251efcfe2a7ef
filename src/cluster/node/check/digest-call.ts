/*
  The call by which nodes compare the running digests of a file: JSON over the link, as every call.

    digest-points   {file} -> null when that file is not there, or the digest points that its index has, at most
                    POINTS_MOST of them, with the first and the last
*/
import { z } from 'zod'
import { FIRST_EVENT_POSITION } from '../../../mysql/index.ts'
import type { DigestPoint } from '../../../store/index.ts'

export const DIGEST_POINTS = 'digest-points'

/** Of a larger file a difference is told less exactly. */
const POINTS_MOST = 1024

export const digestQuestion = z.object({ file: z.string() })

export type DigestQuestion = z.infer<typeof digestQuestion>

export const digestAnswer = z
  .array(z.object({ sequence: z.number(), position: z.number(), digest: z.string() }))
  .nullable()

/** The first and the last, and as many in between as fit a call. */
export function thinned(points: readonly DigestPoint[]): readonly DigestPoint[] {
  const step = Math.ceil(points.length / (POINTS_MOST - 1))
  return points.filter((_, at) => at % step === 0 || at === points.length - 1)
}

/** Bytes [from, to) of a file in which two nodes differ; none where they differ before the file. */
export interface Difference {
  readonly from: number
  readonly to: number
}

/**
 * Where two copies of a file begin to differ; undefined when they are equal. Each digest goes on from the one before,
 * so behind the first that differs nothing can be told.
 * @param own all points of the own copy
 */
export function firstDifference(
  own: readonly DigestPoint[],
  others: readonly DigestPoint[],
): Difference | undefined {
  const digests = new Map(own.map(({ sequence, digest }) => [sequence, digest]))
  let from: number = FIRST_EVENT_POSITION
  for (const { sequence, position, digest } of others) {
    if (digests.get(sequence) !== digest) return { from, to: Math.max(from, position) }
    from = position
  }
  const end = own.at(-1)
  if (end === undefined || end.sequence === others.at(-1)?.sequence) return undefined
  return { from, to: Math.max(from, end.position) }
}
