/*
  The bytes of one of the source's files once more, from a place on: to repair ours. On a connection of its own, as a
  replica that nobody else is and that is not registered: it ends no dump of ours, and is never semi-synchronous.
*/
import { OperationalError } from '../../lib/index.ts'
import { DumpFlag, GtidSet } from '../../mysql/index.ts'
import { DumpStream } from '../dump-stream.ts'
import { recognize } from '../flavor/recognize.ts'
import type { SourcePlace } from '../holdings.ts'
import { introduce } from '../introduce.ts'
import type { SourceOptions } from '../open-dump.ts'
import { formatAddress } from '../source-address.ts'
import { SourceConnection } from '../source-connection.ts'
import { DumpRefused, dumpError } from '../source-error.ts'

export type ReadFileOptions = Omit<SourceOptions, 'startAt' | 'semiSync'>

export interface FilePart {
  /** between two transactions of the source's file */
  readonly at: SourcePlace
  /** server_uuid of the source that the file came from */
  readonly sourceUuid: string
  /** our position for `at`; another than the source's where our file was begun inside its file */
  readonly ours: number
  /** our name for a file that the source's ROTATE names, where ours lies elsewhere */
  readonly nextName: (file: string) => string
}

export interface FilePiece {
  /** of the first byte, in our file */
  readonly position: number
  /** valid until the next piece is asked for; the checksum of each event was compared */
  readonly bytes: Buffer
}

/**
 * The bytes of the file, to its end or to as far as somebody asks for them; what they say of their positions is true
 * in our file.
 * @throws OperationalError with the codes E_SOURCE_*: E_SOURCE_OTHER for another server, E_SOURCE_PURGED when it has
 * the file no more, E_SOURCE_SHORTER when it has less of it; ProtocolError
 */
export async function* readSourceFile(
  options: ReadFileOptions,
  part: FilePart,
  signal: AbortSignal,
): AsyncGenerator<FilePiece> {
  const { at, sourceUuid, ours } = part
  const { address, limits } = options
  const source = formatAddress(address)
  const connection = await SourceConnection.open(address, limits, signal)
  let stream: DumpStream | undefined
  try {
    const { profile, flavor } = await recognize(connection)
    if (profile.uuid !== sourceUuid) throw otherServer(source, profile.uuid, sourceUuid)
    await introduce(connection, options.random.uuid(), limits.heartbeatMs)
    const dump = await flavor.askForDump(connection, {
      ...at,
      flags: DumpFlag.NON_BLOCK | DumpFlag.HEARTBEAT_V2,
      serverId: flavor.examinerId(options.self.serverId),
      held: GtidSet.empty(),
    })
    stream = new DumpStream({
      connection: connection.takeOver(),
      clock: options.clock,
      limits,
      address: source,
      register: undefined,
      dump,
      decoder: { checksum: 'CRC32', start: ours, semiSync: false, relocate: ours !== at.position },
    })
    yield* piecesOf(stream, part, signal)
  } catch (thrown) {
    throw thrown instanceof DumpRefused ? refused(thrown, source, at) : thrown
  } finally {
    if (stream === undefined) connection.close()
    else stream.close()
  }
}

async function* piecesOf(
  stream: DumpStream,
  { at, ours, nextName }: FilePart,
  signal: AbortSignal,
): AsyncGenerator<FilePiece> {
  for (;;) {
    const item = await stream.next(signal)
    if (item.kind === 'piece') yield { position: item.piece.start, bytes: item.piece.bytes }
    if (item.kind === 'head') stream.place({ position: ours, mirrors: false, nextName })
    if (item.kind === 'file' && item.place.file !== at.file) return
  }
}

function otherServer(source: string, uuid: string, wanted: string): OperationalError {
  const message =
    `source ${source} is another server (server_uuid ${uuid}) than the one that the file came from ` +
    `(${wanted === '' ? 'which is not known' : wanted}); its file of that name is another file`
  return new OperationalError('E_SOURCE_OTHER', message, { source })
}

function refused(thrown: DumpRefused, source: string, { file }: SourcePlace): OperationalError {
  if (thrown.refusal !== 'file-gone' && thrown.refusal !== 'purged') {
    return dumpError(thrown, source)
  }
  const message = `source ${source} has purged its file ${file}; what was in it cannot be fetched from there`
  return new OperationalError('E_SOURCE_PURGED', message, { source, file }, { cause: thrown })
}
