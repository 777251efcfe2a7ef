import { alternate } from '../alternate.ts'
import { ChildProgram } from '../client/child-program.ts'
import type { CommitterCommand, CommitterReport } from '../programs/committer.ts'
import type { Goal, Measured, Scenario } from '../scenario.ts'
import { eight, lone, one, runAlone, runWith } from '../semi-sync/committing.ts'
import { durableReplica, pageCacheReplica, startReplicas } from '../semi-sync/replicas.ts'
import { SemiSyncSource } from '../semi-sync/source.ts'
import type { Stage } from '../stage.ts'
import { withDurableSource } from './live.ts'

function goalsOf(
  who: string,
  words: string,
  least: readonly [number, number],
  aim = false,
): Goal[] {
  return [one, eight].map(({ what }, index) => ({
    what,
    says: `commits of ${what}: by those with ${words}`,
    figure: (of) => {
      return of('kingbus', 'transactionsPerSecond').median / of(who, 'transactionsPerSecond').median
    },
    least: least[index] ?? Number.NaN,
    ...(aim ? { aim } : {}),
  }))
}

async function measureAll(stage: Stage): Promise<Measured[]> {
  const { server } = stage.corpus
  const source = new SemiSyncSource(server)
  await stage.removeKingbus()
  await source.install()
  const replicas = await startReplicas(server)
  const program = new ChildProgram<CommitterCommand, CommitterReport>('committer')
  try {
    const measured: Measured[] = []
    for (const load of [one, eight, lone]) {
      const bench = { stage, source, program, load }
      await source.dropReplicas()
      const parties = [
        { who: 'no replica', run: () => runAlone(bench) },
        ...replicas.all.map((replica) => ({
          who: replica.who,
          run: () => runWith(bench, replica),
        })),
      ]
      const rounds = { repeats: stage.repeats, warmUps: load === one ? 1 : 0 }
      measured.push(...(await alternate(load.what, parties, rounds)))
    }
    return measured
  } finally {
    program.close()
    await replicas.remove()
    await source.uninstall()
  }
}

export const commits: Scenario = {
  name: 'commits',
  measures:
    "transactions as sysbench's oltp_write_only on a durable source that waits until its one semi-sync replica " +
    '(mysqld: receiver only) has acknowledged: their rate, how long a COMMIT takes, and the CPU of who acknowledges',
  shapes: ['small'],
  goals: [
    ...goalsOf(durableReplica, 'a durable mysqld', [1.5, 3.5]),
    ...goalsOf(
      pageCacheReplica,
      'a mysqld that acknowledges from the page cache',
      [0.8, 0.8],
      true,
    ),
  ],
  run: (stage) => withDurableSource(stage, () => measureAll(stage)),
}
