import { Tag } from '../index-file/index-entry.ts'
import { RunningDigest } from '../index-file/running-digest.ts'
import type { LogFacts } from './log-facts.ts'

/** Running digest behind the first records of a preface: epoch-starts before there is a file. */
export function prefaceDigest(
  { base, preface }: Pick<LogFacts, 'base' | 'preface'>,
  count: number = preface.length,
): Buffer {
  const before = Buffer.from(base.digest, 'hex')
  if (count === 0) return before
  const digest = new RunningDigest(before)
  preface.slice(0, count).forEach((epoch, index) => {
    digest.add(base.sequence + 1 + index, epoch, Tag.EPOCH_START, 0)
  })
  return digest.peek()
}
