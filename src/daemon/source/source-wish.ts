import type { SourceWish } from '../../admin/index.ts'
import type { Desired } from '../../desired/index.ts'

/** What is wanted once another source, or another way to follow it, is asked for. */
export function withSource(
  now: Desired,
  { address, user, password, semiSync, serverId, uuid }: SourceWish,
): Desired {
  const rest = now.source ?? { tls: 'preferred', caFile: undefined, startAt: 'oldest' }
  const source = { ...rest, host: address.host, port: address.port, user, password, semiSync }
  return { ...now, source, self: { serverId, uuid } }
}
