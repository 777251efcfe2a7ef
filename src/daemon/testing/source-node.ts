import { type Desired, FileDesired, type SourceWish } from '../../desired/index.ts'
import { exampleSource } from '../../desired/testing/example-desired.ts'
import { LocalJournal } from '../../journal/index.ts'
import { picked, silentLogger, Watch } from '../../lib/index.ts'
import { systemClock, systemDisk, systemRandom } from '../../platform/index.ts'
import { Store } from '../../store/index.ts'
import { SourceRunner } from '../source/source-runner.ts'
import { sourceSettings } from '../source/source-settings.ts'
import type { SilentSource } from './silent-source.ts'

/** The part of a node that follows the source, not running yet. */
export interface SourceNode {
  readonly desired: FileDesired
  readonly store: Store
  readonly runner: SourceRunner
  readonly mayRun: Watch<boolean>
}

export function wishFor({ port }: SilentSource): SourceWish {
  return { ...exampleSource, host: '127.0.0.1', port, tls: 'disabled' }
}

/** As it starts in this folder, which has a folder `binlogs`, where `first` is what the configuration says. */
export async function openSourceNode(folder: string, first: Desired): Promise<SourceNode> {
  const path = `${folder}/desired.json`
  const desired = await FileDesired.open({ disk: systemDisk, path, first })
  const store = await Store.open({
    disk: systemDisk,
    folder: `${folder}/binlogs`,
    storeId: 'test',
    logger: silentLogger,
  })
  const mayRun = new Watch(true)
  const runner = new SourceRunner({
    settings: sourceSettings(desired.value, systemDisk),
    wanted: picked(desired.value, ({ isSourceRunning }) => isSourceRunning),
    mayRun,
    journal: new LocalJournal(store),
    heldByReplicas: undefined,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
  return { desired, store, runner, mayRun }
}
