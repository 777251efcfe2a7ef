import { OperationalError } from '../../lib/index.ts'
import { FIRST_EVENT_POSITION } from '../../mysql/index.ts'
import { type ReadFileOptions, readSourceFile } from '../../source/index.ts'
import {
  type FileBegin,
  fileNameAfter,
  type MissingRange,
  type RangeSource,
} from '../../store/index.ts'

/** The source that is configured, as far as it has a file of ours. */
export class SourceRanges implements RangeSource {
  readonly name: string
  readonly #options: ReadFileOptions
  readonly #origin: FileBegin

  constructor(options: ReadFileOptions, origin: FileBegin) {
    const { host, port } = options.address
    this.name = `the source ${host}:${port}`
    this.#options = options
    this.#origin = origin
  }

  bytes({ from, start }: MissingRange, signal: AbortSignal): ReturnType<typeof readSourceFile> {
    const { name, sourceFile, sourceUuid, sourcePosition, basePosition } = this.#origin
    const isMirrored = sourcePosition === basePosition
    // The source's transactions without those that were held already: nobody knows where they are in its file.
    if (!isMirrored && sourcePosition === FIRST_EVENT_POSITION) {
      const message = `${name} has only a part of the transactions of ${sourceFile} of the source`
      throw new OperationalError('E_REPAIR_IMPOSSIBLE', message, { file: name })
    }
    if (!isMirrored && from < basePosition) {
      const message =
        `what is before position ${basePosition} of ${name} was made here when the file was begun inside ` +
        `${sourceFile} of the source, which never had it`
      throw new OperationalError('E_REPAIR_IMPOSSIBLE', message, { file: name })
    }
    const ours = isMirrored ? start : Math.max(start, basePosition)
    const position = ours - basePosition + sourcePosition
    const at = { file: sourceFile, position }
    const nextName = (file: string) => fileNameAfter(name, file)
    return readSourceFile(this.#options, { at, sourceUuid, ours, nextName }, signal)
  }
}
