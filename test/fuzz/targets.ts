import type { Target } from './target.ts'
import { authTargets } from './targets/auth.ts'
import { canary } from './targets/canary.ts'
import { configTargets } from './targets/config.ts'
import { eventTargets } from './targets/events.ts'
import { gtidTargets } from './targets/gtid.ts'
import { httpTarget } from './targets/http.ts'
import { indexTargets } from './targets/index-files.ts'
import { inspectTargets } from './targets/inspect.ts'
import { linkTargets } from './targets/link.ts'
import { packetTargets } from './targets/packets.ts'
import { recoveryTargets } from './targets/recovery.ts'
import { sqlTarget } from './targets/sql.ts'
import { streamTargets } from './targets/streams.ts'

/** All that takes bytes of strangers; `canary` stands apart, since it must fail. */
export const TARGETS: readonly Target[] = [
  ...gtidTargets,
  ...packetTargets,
  ...eventTargets,
  ...streamTargets,
  ...authTargets,
  ...linkTargets,
  sqlTarget,
  ...indexTargets,
  ...recoveryTargets,
  ...inspectTargets,
  ...configTargets,
  httpTarget,
]

export function targetOf(name: string): Target {
  const found = [...TARGETS, canary].find((target) => target.name === name)
  if (found !== undefined) return found
  throw new Error(
    `there is no target ${name}; there are ${TARGETS.map((one) => one.name).join(', ')}`,
  )
}
