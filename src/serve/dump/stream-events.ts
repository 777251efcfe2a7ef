/* The events of a dump that stand in no file, and FORMAT_DESCRIPTION as a dump sends it. */
import {
  type ChecksumAlgorithm,
  EventFlag,
  encodeGtidList,
  encodeHeartbeat,
  encodeRotate,
  type GtidSet,
  rewriteFormatDescription,
} from '../../mysql/index.ts'
import type { Position } from '../../store/index.ts'

export interface EventStyle {
  /** ours */
  readonly serverId: number
  /** of the events around */
  readonly checksum: ChecksumAlgorithm
}

/** Says which file, and where in it, the events that follow come from. */
export function artificialRotate(at: Position, style: EventStyle): Buffer {
  return encodeRotate({
    position: BigInt(at.position),
    file: at.file,
    timestamp: 0,
    logPos: 0,
    flags: EventFlag.ARTIFICIAL,
    ...style,
  })
}

export function heartbeat(at: Position, version: 1 | 2, style: EventStyle): Buffer {
  return encodeHeartbeat({ version, file: at.file, position: BigInt(at.position), ...style })
}

/** Tells a MariaDB replica that it has these, and that what follows begins at this place of the file. */
export function artificialGtidList(held: GtidSet, position: number, style: EventStyle): Buffer {
  const at = { timestamp: 0, logPos: position, flags: EventFlag.ARTIFICIAL }
  return encodeGtidList(held, { ...at, ...style })
}

/**
 * A replica takes `created` for a restart of the source, after which it drops its temporary tables,
 * and log_pos for its own position in the source's file: both are taken out where a dump does not
 * begin with the file.
 */
export function sentFormatDescription(
  event: Buffer,
  without: 'nothing' | 'created' | 'log_pos and created',
): Buffer {
  return rewriteFormatDescription(event, {
    inUse: false,
    ...(without === 'nothing' ? {} : { created: 0 }),
    ...(without === 'log_pos and created' ? { logPos: 0 } : {}),
  })
}
