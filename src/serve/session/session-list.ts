import type { SessionState } from './session-state.ts'

/** One entry of SHOW PROCESSLIST, with the means to end it. */
export interface ListedSession {
  readonly state: SessionState
  kill(): void
  /** Ends the statement that it waits in, if any. */
  interrupt(): void
}

/** The sessions that are logged in, by connection id. */
export class SessionList {
  readonly #sessions = new Map<number, ListedSession>()
  #questions = 0

  add(session: ListedSession): void {
    this.#sessions.set(session.state.connectionId, session)
  }

  remove(connectionId: number): void {
    this.#sessions.delete(connectionId)
  }

  find(connectionId: number): ListedSession | undefined {
    return this.#sessions.get(connectionId)
  }

  /** in the order of their logins */
  all(): ListedSession[] {
    return [...this.#sessions.values()]
  }

  get count(): number {
    return this.#sessions.size
  }

  /** statements and commands since the start, for SHOW STATUS */
  get questions(): number {
    return this.#questions
  }

  countQuestion(): void {
    this.#questions += 1
  }
}
