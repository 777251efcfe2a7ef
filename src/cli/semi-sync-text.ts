import type { Status } from '../admin/index.ts'

/** How it stands with semi-synchronous replication, in one line. */
export function semiSyncText({ semiSync }: Status['source']): string {
  const { wanted, active, reason, acknowledged, replicas } = semiSync
  if (!wanted) return 'not wanted'
  const upTo =
    acknowledged === null
      ? ''
      : `, acknowledged up to ${acknowledged.file}:${acknowledged.position}`
  if (active) return `active${upTo}${waitText(replicas)}`
  return `not active${upTo}${reason === null ? '' : `: ${reason}`}`
}

function waitText(replicas: Status['source']['semiSync']['replicas']): string {
  if (replicas === null) return ''
  const { needed, connected, waitingSince, waitingFor } = replicas
  const counts = `, with ${needed} semi-sync replicas (${connected} connected)`
  if (waitingSince === null) return counts
  const whom = waitingFor.length === 0 ? 'one that is not connected' : waitingFor.join(', ')
  return `${counts}; waits since ${waitingSince} for ${whom}`
}
