import type { SourceChange } from '../../admin/index.ts'
import { isSameAddress, MYSQL_PORT } from '../../config/index.ts'
import type { Desired, SourceWish } from '../../desired/index.ts'
import { OperationalError } from '../../lib/index.ts'

/** As the HTTP API takes it, or with half an address: the other half stays, or is the usual port. */
export interface SourceUpdate extends SourceChange {
  readonly host?: string | undefined
  readonly port?: number | undefined
}

/**
 * What is wanted once another source, or another way to follow it, is asked for; what is left out stays as it is.
 * @throws OperationalError E_CONFIG_INVALID
 */
export function withSource(now: Desired, change: SourceUpdate): Desired {
  const { replicaServerId, replicaUuid, ...ofSource } = change
  const self = {
    serverId: replicaServerId ?? now.self.serverId,
    uuid: replicaUuid ?? now.self.uuid,
  }
  const isOfSource = Object.values(ofSource).some((value) => value !== undefined)
  return { ...now, self, source: isOfSource ? changed(now.source, ofSource) : now.source }
}

function changed(before: SourceWish | undefined, change: SourceUpdate): SourceWish {
  const { address, password, caFile } = change
  const host = change.host ?? address?.host ?? before?.host ?? missing('address of the source')
  const port = change.port ?? address?.port ?? before?.port ?? MYSQL_PORT
  const user = change.user ?? before?.user ?? missing('user at the source')
  // Whoever may change the source need not be one who may have its password sent to another server.
  const isSame = before === undefined || isPlace(before, { host, port, user })
  if (!isSame && password === undefined && before.password !== '') {
    const message = 'give the password, too: the one that is known is for another server or user'
    throw new OperationalError('E_CONFIG_INVALID', message)
  }
  return {
    host,
    port,
    user,
    password: password ?? before?.password ?? '',
    tls: change.tls ?? before?.tls ?? 'preferred',
    caFile: caFile === undefined ? before?.caFile : (caFile ?? undefined),
    startAt: change.startAt ?? before?.startAt ?? 'oldest',
    semiSync: change.semiSync ?? before?.semiSync ?? false,
  }
}

type Place = Pick<SourceWish, 'host' | 'port' | 'user'>

function isPlace(one: Place, other: Place): boolean {
  return isSameAddress(one, other) && one.user === other.user
}

function missing(what: string): never {
  throw new OperationalError('E_CONFIG_INVALID', `give the ${what}: none is known yet`)
}
