import type { Command } from 'commander'
import type { RecoveryPlan } from '../../cluster/index.ts'
import { silentLogger } from '../../lib/index.ts'
import { openDataDir } from '../../store/index.ts'
import { printFacts } from '../output.ts'
import { type SettingValues, settingsFrom, withSettingOptions } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

const AFTER = `
For the day on which etcd's data, or a majority of the nodes, are lost for good; while a majority can come back, let
it. The node must be stopped. Its log becomes the whole truth of a new cluster: everything that it has counts from now
on, also what it does not know to be committed, and what only other nodes had is lost. So take the node that has the
most: the highest epoch, and of those the highest end.
Without --yes it says what it would do and changes nothing. Afterwards start this node with itself alone in
cluster.initial-cluster; what the operator had set by commands (source, users, retention) is again what its
configuration says. Then empty the data directories of the others and add them: kingbus members add.`

export function addRecoverCommand(cluster: Command, terminal: Terminal): void {
  const command = cluster
    .command('recover')
    .description("begin a new cluster with this stopped node's log, after a disaster")
    .option('--yes', 'do it')
    .addHelpText('after', AFTER)
    .action(async (values: SettingValues & { readonly yes?: true }) => {
      const { planRecovery, recover } = await import('../../cluster/index.ts')
      const { config } = await settingsFrom(values, terminal)
      const { disk, random, clock } = terminal
      const dataDir = await openDataDir({ disk, random, path: config['data-dir'] })
      try {
        const { path, binlogs, identity } = dataDir
        const { storeId } = identity
        const options = { disk, clock, logger: silentLogger, path, binlogs, storeId }
        const plan = await planRecovery(options)
        show(plan, terminal)
        if (values.yes === true) await recover(options, plan)
        terminal.out(values.yes === true ? DONE : NOT_DONE)
      } finally {
        await dataDir.release()
      }
    })
  withSettingOptions(command, ['data-dir'])
}

const NOT_DONE = '\nNothing was changed. Repeat it with --yes to do so.\n'
const DONE =
  '\nDone. Start this node with itself alone in cluster.initial-cluster, then add the others with empty data ' +
  'directories.\n'

function show(plan: RecoveryPlan, terminal: Terminal): void {
  const { cluster, promised, epoch, end, place, known, executed, etcdAside } = plan
  printFacts(terminal, [
    ['gives up', cluster === undefined ? 'no cluster: it was in none' : `the cluster ${cluster}`],
    ['trusts', `this node's log: record ${end} of epoch ${epoch}, epoch ${promised} accepted`],
    ['ends at', place === undefined ? 'nothing is stored' : `${place.file}:${place.boundary}`],
    [
      'known to be committed',
      `up to record ${known}; the ${end - known} behind it count from now on`,
    ],
    ['has', executed === '' ? 'no transaction' : executed.replaceAll('\n', '')],
    ['may be lost', 'what was acknowledged by other nodes and is not in this log'],
    ['puts aside', etcdAside ?? 'nothing: etcd has no data here'],
  ])
}
