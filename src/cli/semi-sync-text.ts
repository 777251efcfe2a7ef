import type { Status } from '../admin/index.ts'

/** How it stands with semi-synchronous replication, in one line. */
export function semiSyncText({ semiSync }: Status['source']): string {
  const { wanted, active, reason, acknowledged } = semiSync
  if (!wanted) return 'not wanted'
  const upTo =
    acknowledged === null
      ? ''
      : `, acknowledged up to ${acknowledged.file}:${acknowledged.position}`
  if (active) return `active${upTo}`
  return `not active${upTo}${reason === null ? '' : `: ${reason}`}`
}
