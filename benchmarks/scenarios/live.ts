/*
  A source that is written to while its replicas stand at the end: through Kingbus, or directly while Kingbus
  stands still, since then it would not be there.
*/
import { replicationPassword, replicationUser } from '../../test/e2e/harness/mysqld.ts'
import { ChildProgram } from '../client/child-program.ts'
import type { Server } from '../client/client-pool.ts'
import type { End } from '../corpus.ts'
import type { Arrivals, FollowerCommand, FollowerReport } from '../programs/follower.ts'
import type { Stage } from '../stage.ts'
import { waitForEnd } from '../taking-in.ts'

const firstServerId = 20_000

/** Commits are durable at the source while `work` runs, as they are where it matters how long one takes. */
export async function withDurableSource<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
  const { server } = stage.corpus
  const set = (value: number): Promise<unknown> =>
    server.sql(
      `SET GLOBAL sync_binlog = ${value}`,
      `SET GLOBAL innodb_flush_log_at_trx_commit = ${value}`,
    )
  await set(1)
  try {
    return await work()
  } finally {
    await set(0)
  }
}

async function sourceEnd({ corpus }: Stage): Promise<End> {
  const [row] = await corpus.server.sql('SHOW BINARY LOG STATUS')
  return { file: String(row?.['File']), position: Number(row?.['Position']) }
}

/** Runs `work` with one of the two as the server that replicas connect to. */
export async function withServer<T>(
  stage: Stage,
  who: 'mysqld' | 'kingbus',
  work: (server: Server) => Promise<T>,
): Promise<T> {
  const kingbus = await stage.kingbus()
  await waitForEnd(kingbus, await sourceEnd(stage))
  if (who === 'kingbus') return await work(kingbus)
  kingbus.freeze()
  try {
    return await work(stage.corpus.server)
  } finally {
    kingbus.thaw()
    await waitForEnd(kingbus, await sourceEnd(stage))
  }
}

/** What these clients of `server`, all at its end, saw while `write` wrote so many transactions. */
export async function follow(
  stage: Stage,
  server: Server,
  clients: number,
  write: () => Promise<number>,
): Promise<readonly Arrivals[]> {
  const follower = new ChildProgram<FollowerCommand, FollowerReport>('follower')
  try {
    const address = {
      port: server.port,
      user: replicationUser,
      password: replicationPassword,
      tls: false,
    }
    const end = await sourceEnd(stage)
    await follower.ask({ kind: 'follow', address, ...end, clients, serverId: firstServerId })
    const transactions = await write()
    const report = await follower.ask({ kind: 'finish', transactions })
    return report.kind === 'finished' ? report.clients : []
  } finally {
    follower.close()
  }
}
