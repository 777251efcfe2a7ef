import type { ErrorCode } from '../../lib/index.ts'
import type { SourceState } from '../../source/index.ts'

/** What another node may have no trouble with, or another server. */
const OF_THE_NETWORK: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  'E_SOURCE_UNREACHABLE',
  'E_SOURCE_GONE_SILENT',
  'E_SOURCE_CLOSED',
])

/** The source was not reached, or went away; said of a link that waits for its next attempt. */
export function isUnreachable({ phase, code }: SourceState): boolean {
  return phase !== 'streaming' && OF_THE_NETWORK.has(code)
}
