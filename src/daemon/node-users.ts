/*
  The users of a node: those of its users file, or in a cluster those that hold on every node.
*/
import {
  addEntry,
  isAdmitted,
  readUsersFile,
  removeUser,
  type User,
  type UserEntry,
  Users,
  type UsersOptions,
  userEntry,
  withoutUser,
  withUser,
} from '../config/index.ts'
import { type DesiredState, DesiredUsers } from '../desired/index.ts'
import type { Clock, Random } from '../platform/index.ts'

export interface ReplicaUser {
  readonly name: string
  readonly password: string
}

export interface NodeUsers {
  readonly count: number
  find(name: string): User | undefined
  /**
   * Adds a user who may replicate, or leaves as it is the one who has this name and this password.
   * @throws OperationalError E_USER_EXISTS, and what keeps them from being written
   */
  admit(user: ReplicaUser): Promise<void>
  list(): Promise<readonly UserEntry[]>
  /** @throws OperationalError E_USER_EXISTS, and what keeps them from being written */
  add(entry: UserEntry): Promise<void>
  /** Connections that are there stay. @throws OperationalError E_USER_UNKNOWN, as `add` */
  remove(name: string): Promise<void>
  run(clock: Clock, signal: AbortSignal): Promise<void>
}

export class FileUsers implements NodeUsers {
  readonly #options: UsersOptions
  readonly #random: Random
  readonly #users: Users
  /** the change before, which the next one waits for: each reads the file first */
  #last: Promise<unknown> = Promise.resolve()

  /** @throws OperationalError E_USERS_INVALID, E_SECRET_EXPOSED, E_CONFIG_UNREADABLE */
  static async open(options: UsersOptions, random: Random): Promise<FileUsers> {
    return new FileUsers(options, random, await Users.open(options))
  }

  private constructor(options: UsersOptions, random: Random, users: Users) {
    this.#options = options
    this.#random = random
    this.#users = users
  }

  get count(): number {
    return this.#users.count
  }

  find(name: string): User | undefined {
    return this.#users.find(name)
  }

  async admit(user: ReplicaUser): Promise<void> {
    const { disk, path } = this.#options
    await this.#change(async () => {
      if (await isAdmitted(await readUsersFile(disk, path), user, path)) return
      await addEntry(disk, path, await userEntry(this.#random, asReplica(user)))
    })
  }

  async list(): Promise<readonly UserEntry[]> {
    const { disk, path } = this.#options
    return await readUsersFile(disk, path)
  }

  async add(entry: UserEntry): Promise<void> {
    const { disk, path } = this.#options
    await this.#change(() => addEntry(disk, path, entry))
  }

  async remove(name: string): Promise<void> {
    const { disk, path } = this.#options
    await this.#change(() => removeUser(disk, path, name))
  }

  async #change(work: () => Promise<void>): Promise<void> {
    const changing = this.#last.then(work)
    this.#last = changing.catch(() => {})
    await changing
    await this.#users.refresh()
  }

  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    await this.#users.run(clock, signal)
  }
}

const asReplica = (user: ReplicaUser) => ({ ...user, rights: ['replicate'] as const })

const CLUSTER = 'the cluster'

export class ClusterUsers extends DesiredUsers implements NodeUsers {
  readonly #desired: DesiredState
  readonly #random: Random

  constructor(desired: DesiredState, random: Random) {
    super(desired.value)
    this.#desired = desired
    this.#random = random
  }

  async admit(user: ReplicaUser): Promise<void> {
    const { users = [] } = this.#desired.value.value
    if (await isAdmitted(users, user, CLUSTER)) return
    await this.add(await userEntry(this.#random, asReplica(user)))
  }

  async list(): Promise<readonly UserEntry[]> {
    return this.#desired.value.value.users ?? []
  }

  async add(entry: UserEntry): Promise<void> {
    await this.#desired.change((now) => ({
      ...now,
      users: withUser(now.users ?? [], entry, CLUSTER),
    }))
  }

  async remove(name: string): Promise<void> {
    await this.#desired.change((now) => ({
      ...now,
      users: withoutUser(now.users ?? [], name, CLUSTER),
    }))
  }

  /** They are followed with the rest of what is wanted. */
  async run(): Promise<void> {}
}
