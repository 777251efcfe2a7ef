import type { Kingbus } from '../kingbus.ts'
import { waitFor } from '../wait.ts'

/** `source.semiSync` of the status. */
export interface SemiSyncStatus {
  readonly wanted: boolean
  readonly active: boolean
  readonly reason: string | null
  readonly acknowledged: { readonly file: string; readonly position: number } | null
  readonly replicas: {
    readonly needed: number
    readonly connected: number
    readonly waitingSince: string | null
    readonly waitingFor: readonly string[]
  } | null
}

export async function semiSyncOf(kingbus: Kingbus): Promise<SemiSyncStatus> {
  const { source } = await kingbus.status()
  return (source as unknown as { semiSync: SemiSyncStatus }).semiSync
}

export async function waitForSemiSync(
  kingbus: Kingbus,
  active: boolean,
  timeoutMs = 30_000,
): Promise<SemiSyncStatus> {
  const what = `semi-sync to be ${active ? 'active' : 'not active'}`
  return await waitFor({ what, timeoutMs, explain: () => kingbus.logTail() }, async () => {
    const found = await semiSyncOf(kingbus)
    return found.active === active ? found : undefined
  })
}
