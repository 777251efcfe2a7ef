import type { Verifier } from '../../mysql/index.ts'

/**
 * SHA256(SHA256(password)) of users who have logged in with their whole password, for the fast login.
 * In memory only. A user whose verifier was replaced since is not remembered any more.
 */
export class RememberedPasswords {
  readonly #most: number
  readonly #digests = new Map<string, { readonly verifier: Verifier; readonly digest: Buffer }>()

  constructor(most: number) {
    this.#most = most
  }

  find(name: string, verifier: Verifier): Buffer | undefined {
    const known = this.#digests.get(name)
    if (known === undefined) return undefined
    this.#digests.delete(name)
    if (!isSame(known.verifier, verifier)) return undefined
    this.#digests.set(name, known)
    return known.digest
  }

  keep(name: string, verifier: Verifier, digest: Buffer): void {
    this.#digests.delete(name)
    this.#digests.set(name, { verifier, digest })
    const [oldest] = this.#digests.keys()
    if (this.#digests.size > this.#most && oldest !== undefined) this.#digests.delete(oldest)
  }
}

function isSame(left: Verifier, right: Verifier): boolean {
  if (left.kind !== 'caching-sha2' || right.kind !== 'caching-sha2') return left === right
  return left.hash.digest === right.hash.digest && left.hash.salt.equals(right.hash.salt)
}
