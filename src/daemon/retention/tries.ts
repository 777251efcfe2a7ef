import { type LogFields, OperationalError } from '../../lib/index.ts'

/** Work that is tried again and again: what goes wrong is said once, until it goes well or goes wrong otherwise. */
export class Tries {
  readonly #say: (fields: LogFields, message: string) => void
  #said: string | undefined

  /** @param say writes a line of the log */
  constructor(say: (fields: LogFields, message: string) => void) {
    this.#say = say
  }

  /** One try. Only an OperationalError is said; anything else is thrown. */
  async once(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.#said = undefined
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      const { code, message } = thrown
      if (message !== this.#said) this.#say({ code }, message)
      this.#said = message
    }
  }
}
