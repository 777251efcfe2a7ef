import { hkdf, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { OperationalError } from '../lib/index.ts'

const CHARACTERS_LEAST = 16
const MASTER_BYTES = 32
/** About 0.1 s and 32 MiB, once per start. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }

/**
 * The secret that the nodes of a cluster share, and the keys that are made of it. Anybody who connects
 * is shown a certificate that hangs on it, so it is made costly to guess from that.
 */
export class ClusterSecret {
  readonly #master: Buffer

  /** From the text of the secret file; its final newline does not count. */
  static async from(text: string): Promise<ClusterSecret> {
    const secret = text.replace(/\r?\n$/, '')
    if (Array.from(secret).length < CHARACTERS_LEAST) {
      throw new OperationalError(
        'E_CLUSTER_SECRET',
        `the cluster secret has fewer than ${CHARACTERS_LEAST} characters: ` +
          'make one with `openssl rand -base64 32`, the same on every node',
      )
    }
    const derive = promisify<string, string, number, typeof SCRYPT, Buffer>(scrypt)
    return new ClusterSecret(await derive(secret, 'kingbus cluster secret', MASTER_BYTES, SCRYPT))
  }

  private constructor(master: Buffer) {
    this.#master = master
  }

  /** Key material for one purpose; what is made for one says nothing about another. */
  async key(purpose: string, bytes: number): Promise<Buffer> {
    return Buffer.from(await promisify(hkdf)('sha256', this.#master, '', purpose, bytes))
  }
}
