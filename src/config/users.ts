/*
  The users as a running node sees them: read again when the file has changed.
*/
import { type Logger, OperationalError } from '../lib/index.ts'
import { parsePasswordHash, type Verifier } from '../mysql/index.ts'
import type { Clock, Disk } from '../platform/index.ts'
import { USERS_FILE_LOOK_MS } from './limits.ts'
import { attributesOf } from './secrets.ts'
import { type Requirements, requirementsOf } from './user-options.ts'
import { type Right, readUsersFile, type UserEntry } from './users-file.ts'

export interface User {
  readonly name: string
  readonly verifier: Verifier
  readonly rights: readonly Right[]
  readonly requires: Requirements
  readonly hidesTaggedGtids: boolean
}

export interface UsersOptions {
  readonly disk: Disk
  readonly path: string
  readonly log: Logger
}

export class Users {
  readonly #options: UsersOptions
  #users: ReadonlyMap<string, User> = new Map()
  /** size and time of the file that was read last; a file that is absent has none */
  #seen: string | undefined

  private constructor(options: UsersOptions) {
    this.#options = options
  }

  /** @throws OperationalError E_USERS_INVALID, E_SECRET_EXPOSED, E_CONFIG_UNREADABLE */
  static async open(options: UsersOptions): Promise<Users> {
    const users = new Users(options)
    await users.#read(await users.#look())
    if (users.#users.size === 0) {
      const hint = `kingbus user add NAME --users-file ${options.path}`
      options.log.warn({ file: options.path }, `nobody can connect yet: add a user with ${hint}`)
    }
    return users
  }

  /** of the users file */
  get path(): string {
    return this.#options.path
  }

  get count(): number {
    return this.#users.size
  }

  find(name: string): User | undefined {
    return this.#users.get(name)
  }

  /** Looks every now and then whether the file has changed, until the signal fires. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(USERS_FILE_LOOK_MS, signal)
      await this.refresh()
    }
  }

  /** A file that was edited into something unusable is logged, and the users stay who they were. */
  async refresh(): Promise<void> {
    let seen: string | undefined
    try {
      seen = await this.#look()
      if (seen === this.#seen) return
      await this.#read(seen)
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      const { code, message } = thrown
      // A file that cannot even be looked at is told once too.
      seen ??= message
      if (seen === this.#seen) return
      this.#seen = seen
      this.#options.log.error({ code }, `${message}; the users stay as they were`)
    }
  }

  async #look(): Promise<string | undefined> {
    const { disk, path } = this.#options
    const attributes = await attributesOf(disk, path, 'the users file')
    return attributes && `${attributes.size} ${attributes.modifiedMs} ${attributes.mode}`
  }

  async #read(seen: string | undefined): Promise<void> {
    const { disk, path, log } = this.#options
    const entries = await readUsersFile(disk, path)
    this.#users = new Map(entries.map((entry) => [entry.name, userOf(entry)]))
    this.#seen = seen
    for (const { name } of entries.filter(({ password }) => password !== undefined)) {
      log.warn({ user: name, file: path }, 'a password stands in the users file in clear')
    }
    log.info({ file: path, users: entries.length }, 'read the users')
  }
}

/** What a login is checked with. */
export function userOf(entry: UserEntry): User {
  return {
    name: entry.name,
    verifier: verifierOf(entry),
    rights: entry.rights,
    requires: requirementsOf(entry),
    hidesTaggedGtids: entry['tagged-gtids'] === 'hidden',
  }
}

export function verifierOf(entry: UserEntry): Verifier {
  const hash = entry['password-hash']
  if (hash !== undefined) return parsePasswordHash(hash)
  return { kind: 'password', password: entry.password ?? '' }
}
