import type { PurgeObstacle, PurgeResult } from '../../admin/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { compareFileNames, type FileInfo } from '../../store/index.ts'
import type { KnownReplica } from './known-replicas.ts'
import type { Needs } from './needs.ts'

/** More obstacles of one kind are counted and not named. */
const NAMED_MOST = 20

export interface PurgeAsked {
  /** the first file that is to stay; undefined: go by `beforeMs` */
  readonly to: string | undefined
  /** the oldest files go whose events are all before this moment, milliseconds since 1970 */
  readonly beforeMs: number | undefined
  /** also what replicas need that are away */
  readonly force: boolean
}

/**
 * What a purge would remove, who keeps the rest, and who would lose its place.
 * @param files oldest first
 * @throws OperationalError E_FILE_UNKNOWN
 */
export function planPurge(
  files: readonly FileInfo[],
  asked: PurgeAsked,
  needs: Needs,
): Omit<PurgeResult, 'dryRun'> {
  const target = targetOf(files, asked)
  const upTo = files[target]?.name
  const absent = upTo === undefined ? [] : needs.absent.filter((one) => isBefore(one.needs, upTo))
  const obstacles =
    upTo === undefined || target === 0
      ? []
      : [
          ...silentNodes(needs),
          ...readers(needs, upTo),
          ...(asked.force ? [] : absent.slice(0, NAMED_MOST).map(absentObstacle)),
        ]
  const kept = [
    ...(needs.silent.length > 0 ? [files[0]?.name] : []),
    needs.readFrom,
    ...(asked.force ? [] : absent.map((one) => one.needs)),
  ]
  const count = kept.reduce((least, name) => Math.min(least, placeOf(files, name)), target)
  const going = files.slice(0, count).map(({ name, size }) => ({ name, size }))
  const stays = files[count]?.name
  return {
    upTo: count === 0 ? null : (stays ?? null),
    files: going,
    bytes: going.reduce((sum, { size }) => sum + size, 0),
    asked: target,
    obstacles,
    loses: absent
      .filter((one) => count > 0 && stays !== undefined && isBefore(one.needs, stays))
      .map(({ uuid, host, needs }) => ({ uuid, host, needs })),
  }
}

/** How many files were asked for. */
function targetOf(files: readonly FileInfo[], { to, beforeMs = 0 }: PurgeAsked): number {
  if (to === undefined) {
    const first = files.findIndex(
      ({ active, lastTimestamp }) => active || lastTimestamp * 1000 >= beforeMs,
    )
    return first === -1 ? Math.max(0, files.length - 1) : first
  }
  const place = files.findIndex(({ name }) => name === to)
  if (place !== -1) return place
  const message = `there is no binlog file '${to}'; the oldest is '${files[0]?.name ?? ''}'`
  throw new OperationalError('E_FILE_UNKNOWN', message, { file: to })
}

function placeOf(files: readonly FileInfo[], name: string | undefined): number {
  if (name === undefined) return files.length
  const place = files.findIndex((file) => compareFileNames(file.name, name) >= 0)
  return place === -1 ? files.length : place
}

function isBefore(name: string, other: string): boolean {
  return compareFileNames(name, other) < 0
}

function silentNodes({ silent }: Needs): PurgeObstacle[] {
  return silent.map((who) => ({
    kind: 'silent-node',
    file: null,
    who,
    message: `${who} lives and does not say what its replicas read: try again, or stop it`,
  }))
}

function readers({ dumps, readFrom }: Needs, upTo: string): PurgeObstacle[] {
  if (readFrom === undefined || !isBefore(readFrom, upTo)) return []
  const reading = dumps.filter(({ file }) => isBefore(file, upTo))
  const named = reading.slice(0, NAMED_MOST).map(
    ({ who, file, node }): PurgeObstacle => ({
      kind: 'reader',
      file,
      who,
      message: `${file} is being read by ${who} at ${node}: wait until it is further, or end its dump`,
    }),
  )
  if (named.some(({ file }) => file === readFrom)) return named
  const who = 'somebody'
  const message = `${readFrom} is being read: wait until it is not`
  return [{ kind: 'reader', file: readFrom, who, message }, ...named]
}

function absentObstacle({ uuid, serverId, host, needs, awayMs }: KnownReplica): PurgeObstacle {
  const who = `${uuid} (server_id ${serverId}, ${host})`
  return {
    kind: 'absent-replica',
    file: needs,
    who,
    message:
      `${needs} is kept for the replica ${who}, away for ${Math.round(awayMs / 1000)} s: let it come back, ` +
      `or let go of it with --force or kingbus replicas forget ${uuid}`,
  }
}
