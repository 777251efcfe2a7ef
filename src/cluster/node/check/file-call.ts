/*
  The call by which a node gets bytes of a file, or of its index, from another one, to repair its own: JSON
  over the link, as every call. They are raw: whoever asks compares them.

    file-range   {file, part: "data" or "index", from, to} -> null when that file is not there, or its index is still
                 written to; {size, bytes}: how much of it can be asked for, and the bytes in base64, at most
                 RANGE_BYTES_MOST of them, fewer where it ends
*/
import { z } from 'zod'
import { OperationalError, ProtocolError } from '../../../lib/index.ts'
import type { Disk } from '../../../platform/index.ts'
import {
  type BinlogStore,
  type IndexSource,
  indexNameOf,
  type MissingRange,
  type RangeSource,
} from '../../../store/index.ts'

export const FILE_RANGE = 'file-range'

/** In base64 it is a third more, and fits the frame of a call. */
const RANGE_BYTES_MOST = 512 * 1024

const question = z.object({
  file: z.string(),
  part: z.enum(['data', 'index']),
  from: z.int().min(0),
  to: z.int().min(0),
})

type FileQuestion = z.infer<typeof question>

const answer = z.object({ size: z.number(), bytes: z.string() }).nullable()

export interface FileCallsOptions {
  /** of this node */
  readonly name: string
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly store: Pick<BinlogStore, 'files'>
  /** the nodes of the cluster, this one too */
  readonly nodes: () => readonly string[]
  readonly ask: (node: string, question: FileQuestion) => Promise<unknown>
}

/** Files of this node for the others, and theirs for this one. */
export class FileCalls {
  readonly #options: FileCallsOptions

  constructor(options: FileCallsOptions) {
    this.#options = options
  }

  /** What this node answers another one. @throws ProtocolError */
  async answer(body: unknown): Promise<z.infer<typeof answer>> {
    const read = question.safeParse(body)
    if (!read.success) throw new ProtocolError('a question for bytes names no file and range')
    const { file, part, from, to } = read.data
    const { disk, folder, store } = this.#options
    const files = store.files()
    const found = files.find(({ name }) => name === file)
    const isClosed = found !== files.at(-1)
    if (found === undefined || (part === 'index' && !isClosed)) return null
    const opened = await disk.open(
      `${folder}/${part === 'index' ? indexNameOf(file) : file}`,
      'read',
    )
    try {
      const size = part === 'index' ? opened.size() : found.size
      const end = Math.min(to, size, from + RANGE_BYTES_MOST)
      const bytes = Buffer.alloc(Math.max(0, end - from))
      const count = await opened.readAsync(bytes, from)
      return { size, bytes: bytes.subarray(0, count).toString('base64') }
    } finally {
      await opened.close()
    }
  }

  /** The other nodes, as far as they have the file. */
  sourcesOf(file: string): readonly (RangeSource & IndexSource)[] {
    const { nodes, name } = this.#options
    const others = nodes().filter((node) => node !== name)
    return others.map((node) => ({
      name: node,
      bytes: ({ from, to }: MissingRange) => this.#ranges(node, { file, part: 'data', from, to }),
      index: () => this.#index(node, file),
    }))
  }

  async *#ranges(
    node: string,
    wanted: FileQuestion,
  ): AsyncGenerator<{ readonly position: number; readonly bytes: Buffer }> {
    for (let at = wanted.from; at < wanted.to; ) {
      const read = answer.safeParse(await this.#options.ask(node, { ...wanted, from: at }))
      if (!read.success) throw unclear(node)
      if (read.data === null) throw withoutFile(node, wanted.file)
      const bytes = Buffer.from(read.data.bytes, 'base64')
      if (bytes.length === 0) return
      yield { position: at, bytes }
      at += bytes.length
    }
  }

  async *#index(node: string, file: string): AsyncGenerator<Buffer> {
    const all = { file, part: 'index', from: 0, to: Number.MAX_SAFE_INTEGER } as const
    for await (const { bytes } of this.#ranges(node, all)) yield bytes
  }
}

function unclear(node: string): OperationalError {
  const message = `${node} says of its files what this version does not understand`
  return new OperationalError('E_PEER_VERSION', message)
}

function withoutFile(node: string, file: string): OperationalError {
  return new OperationalError('E_PEER_REFUSED', `${node} does not have ${file} whole`, { file })
}
