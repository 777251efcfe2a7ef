import * as zlib from 'node:zlib'

export type CompressionAlgorithm = 'zlib' | 'zstd'

/** One algorithm at one level. */
export interface Codec {
  compress(bytes: Uint8Array): Promise<Buffer>
  /** Undefined when it does not come to exactly `size` bytes. */
  decompress(bytes: Uint8Array, size: number): Promise<Buffer | undefined>
}

type Done = (error: Error | null, result: Buffer) => void
type Work = (bytes: Uint8Array, options: object, done: Done) => void

interface Algorithm {
  readonly compress: Work
  readonly decompress: Work
  readonly compressOptions: (level: number) => object
  readonly decompressOptions: object
}

const ZLIB: Algorithm = {
  compress: zlib.deflate,
  decompress: zlib.inflate,
  compressOptions: (level) => ({ level }),
  decompressOptions: {},
}

/** What Node has from 22.15 and 23.8 on; the types of Node 20 do not know it. */
const node = zlib as unknown as {
  readonly zstdCompress?: Work
  readonly zstdDecompress?: Work
  readonly constants: { readonly [name: string]: number }
}

/** Log 2 of how far back a stranger's bytes may refer, which is memory that is taken for them. */
const ZSTD_WINDOW_LOG_MOST = 24

function zstd(): Algorithm | undefined {
  const { zstdCompress, zstdDecompress, constants } = node
  if (zstdCompress === undefined || zstdDecompress === undefined) return undefined
  return {
    compress: zstdCompress,
    decompress: zstdDecompress,
    compressOptions: (level) => ({
      params: { [Number(constants['ZSTD_c_compressionLevel'])]: level },
    }),
    decompressOptions: {
      params: { [Number(constants['ZSTD_d_windowLogMax'])]: ZSTD_WINDOW_LOG_MOST },
    },
  }
}

const ALGORITHMS: Readonly<Record<CompressionAlgorithm, Algorithm | undefined>> = {
  zlib: ZLIB,
  zstd: zstd(),
}

/** Whether this Node has it. */
export function hasCompression(algorithm: CompressionAlgorithm): boolean {
  return ALGORITHMS[algorithm] !== undefined
}

/**
 * Compresses on Node's thread pool, a few pieces at a time: the pool has 4 threads, and whatever waits for
 * the disk waits for one of them.
 */
export class Compressor {
  readonly #jobsMost: number
  readonly #waiting: (() => void)[] = []
  #jobs = 0

  constructor(jobsMost: number) {
    this.#jobsMost = jobsMost
  }

  /** @param algorithm one that this Node has */
  codec(algorithm: CompressionAlgorithm, level: number): Codec {
    const found = ALGORITHMS[algorithm]
    if (found === undefined) throw new Error(`this Node has no ${algorithm}`)
    const compressOptions = found.compressOptions(level)
    return {
      compress: (bytes) => this.#inTurn(() => run(found.compress, bytes, compressOptions)),
      decompress: async (bytes, size) => {
        // At least 1, since Node refuses 0.
        const options = { ...found.decompressOptions, maxOutputLength: Math.max(1, size) }
        const result = await this.#inTurn(() => run(found.decompress, bytes, options)).catch(
          // The library says of every kind of bad bytes only that they are bad.
          () => undefined,
        )
        return result?.length === size ? result : undefined
      },
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#jobs >= this.#jobsMost) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#jobs += 1
    }
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#jobs -= 1
      else next()
    }
  }
}

function run(work: Work, bytes: Uint8Array, options: object): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    work(bytes, options, (error, result) => (error === null ? resolve(result) : reject(error)))
  })
}
