import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { readSecretFile } from '../config/index.ts'
import {
  assert,
  decodeCheckedJson,
  encodeCheckedJson,
  messageOf,
  OperationalError,
  replaceRefused,
  Watch,
  type Watched,
} from '../lib/index.ts'
import type { Disk } from '../platform/index.ts'
import type { Desired, DesiredState } from './desired.ts'
import { checkDesired, identitySchema, retentionSchema, sourceSchema } from './schemas.ts'

/*
  desired.json, in the data directory of a node that is alone, mode 0600 since the password for the source may be in
  it. It has what was changed by commands and nothing else; for the rest the configuration goes on to hold. `source`
  is null where the source was taken away by a command.

      { "check": "5d0a7c1e", "formatVersion": 1, "isSourceRunning": false }
*/
const FORMAT_VERSION = 1

const keptSchema = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  source: sourceSchema.nullable().optional(),
  self: identitySchema.optional(),
  isSourceRunning: z.boolean().optional(),
  retention: retentionSchema.optional(),
})

type Kept = Omit<z.output<typeof keptSchema>, 'formatVersion'>

const PARTS = ['source', 'self', 'isSourceRunning', 'retention'] as const

export interface FileDesiredOptions {
  readonly disk: Disk
  readonly path: string
  /** what the configuration wants */
  readonly first: Desired
}

/** What the operator wants of a node that is alone. Its users are those of the users file. */
export class FileDesired implements DesiredState {
  readonly #options: FileDesiredOptions
  readonly #value: Watch<Desired>
  #kept: Kept
  /** the change before, which the next one waits for */
  #last: Promise<unknown> = Promise.resolve()

  /** @throws OperationalError E_DATA_DIR_INVALID, E_SECRET_EXPOSED, E_CONFIG_UNREADABLE */
  static async open(options: FileDesiredOptions): Promise<FileDesired> {
    assert(options.first.users === undefined, 'the users of a node that is alone are in its file')
    return new FileDesired(options, await readKept(options))
  }

  private constructor(options: FileDesiredOptions, kept: Kept) {
    this.#options = options
    this.#kept = kept
    this.#value = new Watch(together(options.first, kept))
  }

  get value(): Watched<Desired> {
    return this.#value
  }

  /**
   * @throws OperationalError E_CONFIG_INVALID, E_DISK_FULL, and E_DATA_DIR_INVALID when the file cannot be written:
   * what held goes on to hold
   */
  async change(update: (now: Desired) => Desired): Promise<void> {
    const changing = this.#last.then(() => this.#change(update))
    this.#last = changing.catch(() => {})
    await changing
  }

  async #change(update: (now: Desired) => Desired): Promise<void> {
    const now = this.#value.value
    const next = checkDesired(update(now))
    assert(next.users === undefined, 'the users of a node that is alone are in its file')
    const changed = PARTS.filter((part) => !isDeepStrictEqual(next[part], now[part]))
    if (changed.length === 0) return
    const parts = changed.map((part) => [part, next[part] ?? null] as const)
    const kept: Kept = { ...this.#kept, ...Object.fromEntries(parts) }
    await this.#write(kept)
    this.#kept = kept
    this.#value.set(next)
  }

  async #write(kept: Kept): Promise<void> {
    const { disk, path } = this.#options
    try {
      await disk.replaceFile(path, encodeCheckedJson({ formatVersion: FORMAT_VERSION, ...kept }))
    } catch (cause) {
      throw replaceRefused(path, cause, `${messageOf(cause)}; nothing was changed`)
    }
  }
}

function together(first: Desired, { source, ...kept }: Kept): Desired {
  const others = Object.entries(kept).filter(([, part]) => part !== undefined)
  return {
    ...first,
    ...Object.fromEntries(others),
    source: source === undefined ? first.source : (source ?? undefined),
  }
}

async function readKept({ disk, path }: FileDesiredOptions): Promise<Kept> {
  if (!(await disk.exists(path))) return {}
  const text = await readSecretFile(disk, path, 'the file')
  let content: unknown
  try {
    content = decodeCheckedJson(text)
  } catch (thrown) {
    throw unusable(path, messageOf(thrown))
  }
  const read = keptSchema.safeParse(content)
  if (!read.success) {
    // Never a value: that might be the password.
    const problems = read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw unusable(path, problems.join('; '))
  }
  const { formatVersion: _, ...kept } = read.data
  return kept
}

function unusable(path: string, problem: string): OperationalError {
  const message =
    `${path}, which keeps what was set by commands, is not usable: ${problem}; restore it from a copy, or ` +
    'remove it to go on with what the configuration says'
  return new OperationalError('E_DATA_DIR_INVALID', message, { path })
}
