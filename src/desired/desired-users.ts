import { type User, type UserEntry, userOf } from '../config/index.ts'
import { picked, type Watched } from '../lib/index.ts'
import type { Desired } from './desired.ts'

/** The users who are wanted, as a login asks for them. */
export class DesiredUsers {
  readonly #users: Watched<ReadonlyMap<string, User>>

  constructor(desired: Watched<Desired>) {
    const entries = picked(desired, ({ users = [] }) => users)
    this.#users = picked(entries, byName)
  }

  get count(): number {
    return this.#users.value.size
  }

  find(name: string): User | undefined {
    return this.#users.value.get(name)
  }
}

function byName(entries: readonly UserEntry[]): ReadonlyMap<string, User> {
  return new Map(entries.map((entry) => [entry.name, userOf(entry)]))
}
