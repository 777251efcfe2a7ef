import type { Config, Secrets, UserEntry } from '../config/index.ts'
import type { Desired, SourceIdentity, SourceWish } from './desired.ts'
import { checkDesired } from './schemas.ts'

export interface FirstDesiredOptions {
  readonly config: Config
  readonly secrets: Pick<Secrets, 'sourcePassword'>
  readonly self: SourceIdentity
  /** undefined where the users file goes on to have them */
  readonly users: readonly UserEntry[] | undefined
}

/** What the configuration of this node wants: it holds where nothing was kept yet. */
export function firstDesired({ config, secrets, self, users }: FirstDesiredOptions): Desired {
  return checkDesired({
    source: sourceOf(config, secrets),
    self,
    isSourceRunning: true,
    retention: {
      maxSizeBytes: config['retention.max-size'],
      maxAgeMs: config['retention.max-age'],
      keepForAbsentReplicasMs: config['retention.keep-for-absent-replicas'],
      ceilingBytes: config['retention.ceiling'],
    },
    users,
  })
}

function sourceOf(
  config: Config,
  { sourcePassword }: FirstDesiredOptions['secrets'],
): SourceWish | undefined {
  const url = config['source.url']
  if (url === undefined) return undefined
  return {
    host: url.host,
    port: url.port,
    user: url.user,
    password: sourcePassword,
    tls: config['source.tls'],
    caFile: config['source.ca-file'],
    startAt: config['source.start-at'].toString().replaceAll('\n', ''),
    semiSync: config['source.semi-sync'],
  }
}
