/*
  The users of a node: those of its users file, or in a cluster those that hold on every node.
*/
import {
  addUser,
  isAdmitted,
  readUsersFile,
  type User,
  Users,
  type UsersOptions,
  userEntry,
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
  run(clock: Clock, signal: AbortSignal): Promise<void>
}

export class FileUsers implements NodeUsers {
  readonly #options: UsersOptions
  readonly #random: Random
  readonly #users: Users

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
    if (await isAdmitted(await readUsersFile(disk, path), user, path)) return
    await addUser(disk, this.#random, path, { ...user, rights: ['replicate'] })
    await this.#users.refresh()
  }

  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    await this.#users.run(clock, signal)
  }
}

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
    const entry = await userEntry(this.#random, { ...user, rights: ['replicate'] })
    await this.#desired.change((now) => ({
      ...now,
      users: withUser(now.users ?? [], entry, CLUSTER),
    }))
  }

  /** They are followed with the rest of what is wanted. */
  async run(): Promise<void> {}
}
