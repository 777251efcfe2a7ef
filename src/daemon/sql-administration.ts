import type { SourceStatus } from '../admin/index.ts'
import { OperationalError } from '../lib/index.ts'
import type { Administration, Purged, SourceWishes } from '../serve/index.ts'
import type { PurgeDesk } from './retention/purge-desk.ts'
import type { SourceDesk } from './source/source-desk.ts'

/** Administration in SQL, by the same ways as the HTTP API's. */
export class SqlAdministration implements Administration {
  readonly #source: SourceDesk
  readonly #purge: PurgeDesk['purge']

  constructor(source: SourceDesk, purge: PurgeDesk['purge']) {
    this.#source = source
    this.#purge = purge
  }

  /** Where the node that reads the source cannot be asked, what this one knows, with why as the error. */
  async source(): Promise<SourceStatus> {
    try {
      return await this.#source.show()
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      const { code, message } = thrown
      return { ...this.#source.own(), error: { code, message } }
    }
  }

  async setSource(wishes: SourceWishes): Promise<void> {
    await this.#source.change(wishes)
  }

  async startSource(): Promise<void> {
    await this.#source.start()
  }

  async stopSource(): Promise<void> {
    await this.#source.stop()
  }

  async purge(upTo: string): Promise<Purged> {
    const wish = { to: upTo, force: false, dryRun: false, partial: true }
    const { files, asked, obstacles } = await this.#purge(wish)
    return { purged: files.length, asked, obstacles }
  }
}
