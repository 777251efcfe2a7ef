import { messageOf, ProtocolError } from '../../lib/index.ts'
import type { Gtid, GtidSet } from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import type { HeldAt } from '../index-file/index-directory.ts'
import { EventWalk } from '../walk/event-walk.ts'
import { TransactionFollower } from '../walk/transaction-follower.ts'

/**
 * What is held right behind a transaction; undefined when it does not end before `limit`.
 * @param start a place before it; its set becomes the answer
 * @throws OperationalError E_STORE_DAMAGED
 */
export async function heldBehind(
  { name, data }: { readonly name: string; readonly data: DiskFile },
  gtid: Gtid,
  { start, limit }: { readonly start: HeldAt; readonly limit: number },
): Promise<GtidSet | undefined> {
  const { position: from, held } = start
  const walk = new EventWalk(data, { from, limit, verifyFrom: from })
  const follower = new TransactionFollower(walk, held)
  try {
    while (await walk.load()) {
      for (let event = walk.next(); event !== undefined; event = walk.next()) {
        if (follower.take(event) !== 'ended') continue
        follower.settle()
        if (held.has(gtid)) return held
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    throw damaged(name, walk.position, messageOf(thrown))
  }
  if (walk.fault !== undefined) throw damaged(name, walk.position, walk.fault.why)
  return undefined
}
