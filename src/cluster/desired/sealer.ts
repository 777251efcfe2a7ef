import { createCipheriv, createDecipheriv } from 'node:crypto'
import { OperationalError } from '../../lib/index.ts'
import type { Random } from '../../platform/index.ts'
import type { ClusterSecret } from '../cluster-secret.ts'

/*
  A sealed text:

      v1:BASE64       of nonce (12 bytes), ciphertext, tag (16 bytes)

  AES-256-GCM with a key made of the cluster secret. The place where it is kept is authenticated with it, so that
  what was sealed for one place is refused at another. The nonces are random: with some thousands of values in the
  life of a secret none comes twice.
*/
const VERSION = 'v1:'
const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals what must be seen neither in etcd nor on its members' disks. */
export class Sealer {
  readonly #key: Buffer
  readonly #random: Random

  static async from(secret: ClusterSecret, random: Random): Promise<Sealer> {
    return new Sealer(await secret.key('sealed values', KEY_BYTES), random)
  }

  private constructor(key: Buffer, random: Random) {
    this.#key = key
    this.#random = random
  }

  /** @param place the name of the key in etcd */
  seal(text: string, place: string): string {
    const nonce = Buffer.from(this.#random.bytes(NONCE_BYTES))
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(Buffer.from(place))
    const hidden = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return VERSION + Buffer.concat([nonce, hidden, cipher.getAuthTag()]).toString('base64')
  }

  /** @throws OperationalError E_CLUSTER_SECRET when it is not as it was sealed with this secret for this place */
  open(sealed: string, place: string): string {
    const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64')
    if (!sealed.startsWith(VERSION) || bytes.length < NONCE_BYTES + TAG_BYTES) throw foreign(place)
    const nonce = bytes.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(place))
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
    try {
      return Buffer.concat([text, decipher.final()]).toString('utf8')
    } catch {
      throw foreign(place)
    }
  }
}

function foreign(place: string): OperationalError {
  return new OperationalError(
    'E_CLUSTER_SECRET',
    `the sealed value at ${place} in etcd cannot be opened: it was sealed with another cluster secret than this ` +
      'node has, or somebody changed it there; give every node the same cluster.secret-file, or set the value anew',
    { place },
  )
}
