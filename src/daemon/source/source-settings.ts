import { startAtSchema } from '../../config/index.ts'
import type { Desired } from '../../desired/index.ts'
import { picked, type Watched } from '../../lib/index.ts'
import { type Disk, dial } from '../../platform/index.ts'
import type { SourceSettings } from './source-runner.ts'

/** The settings of the source that is wanted: another object whenever, and only when, they are others. */
export function sourceSettings(
  desired: Watched<Desired>,
  disk: Disk,
): Watched<SourceSettings | undefined> {
  return picked(
    picked(desired, ({ source, self }) => ({ source, self })),
    (wish) => settingsOf(wish, disk),
  )
}

/** undefined where no source is wanted */
export function settingsOf(
  { source, self }: Pick<Desired, 'source' | 'self'>,
  disk: Disk,
): SourceSettings | undefined {
  if (source === undefined) return undefined
  const { host, port, user, password, tls, caFile, startAt, semiSync } = source
  return {
    address: {
      dial,
      host,
      port,
      user,
      password: () => password,
      tls: {
        mode: tls,
        authorities: () => (caFile === undefined ? undefined : disk.readFile(caFile)),
      },
    },
    self,
    startAt: startAtSchema.parse(startAt),
    semiSync,
  }
}
