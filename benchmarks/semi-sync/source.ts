import type { Mysqld } from '../../test/e2e/harness/mysqld.ts'
import {
  type SemiSyncCounters,
  semiSyncCounters,
} from '../../test/e2e/harness/semi-sync/counters.ts'
import { waitFor } from '../../test/e2e/harness/wait.ts'

/** Longer than any run: a commit that nobody acknowledges makes the run fail, not fast. */
const timeoutMs = 3_600_000

/** A source's side of semi-synchronous replication, which has to have the same replicas in every run. */
export class SemiSyncSource {
  readonly #server: Mysqld

  constructor(server: Mysqld) {
    this.#server = server
  }

  async install(): Promise<void> {
    await this.#server.sql(
      "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
      `SET GLOBAL rpl_semi_sync_source_timeout = ${timeoutMs}`,
    )
  }

  async uninstall(): Promise<void> {
    await this.#server.sql('UNINSTALL PLUGIN rpl_semi_sync_source')
  }

  /** From now on commits wait for the one replica that is there, or is just coming. */
  async enable(): Promise<void> {
    await waitFor({ what: 'one semi-sync replica', stepMs: 5 }, async () => {
      return (await this.counters()).clients === 1
    })
    await this.#server.sql('SET GLOBAL rpl_semi_sync_source_enabled = ON')
  }

  async disable(): Promise<void> {
    await this.#server.sql('SET GLOBAL rpl_semi_sync_source_enabled = OFF')
  }

  counters(): Promise<SemiSyncCounters> {
    return semiSyncCounters(this.#server)
  }

  /** Ends all dumps: the source would notice only later that a replica has left. */
  async dropReplicas(): Promise<void> {
    await waitFor({ what: 'all dumps to end', stepMs: 5 }, async () => {
      const dumps = await this.#server.sql(
        "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'",
      )
      for (const { id, ID = id } of dumps) {
        // It may have ended by itself meanwhile.
        await this.#server.sql(`KILL ${ID}`).catch(() => {})
      }
      return dumps.length === 0 && (await this.counters()).clients === 0
    })
  }
}
