import { OperationalError, ProtocolError } from '../../lib/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { SourceAddress } from '../source-address.ts'
import { SourceConnection } from '../source-connection.ts'
import type { SourceLimits } from '../source-limits.ts'
import { isKingbus } from './profile-parts.ts'
import { recognize } from './recognize.ts'

/**
 * What the source has now, with what is about to be committed, asked on a connection of its own. Undefined where it
 * cannot be asked, and of a Kingbus, which may only be behind its own source.
 */
export async function readSourceGtids(
  address: SourceAddress,
  limits: SourceLimits,
  signal: AbortSignal,
): Promise<{ readonly uuid: string; readonly has: GtidSet } | undefined> {
  let connection: SourceConnection | undefined
  const close = (): void => connection?.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    connection = await SourceConnection.open(address, limits, signal)
    const { profile, flavor } = await recognize(connection)
    if (isKingbus(profile.version)) return undefined
    const { owned, executed } = await flavor.readHistory(connection)
    return { uuid: profile.uuid, has: owned.union(executed) }
  } catch (thrown) {
    if (signal.aborted) return undefined
    if (thrown instanceof OperationalError || thrown instanceof ProtocolError) return undefined
    throw thrown
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}
