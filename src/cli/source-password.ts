/*
  The password for the source, which no command line ever has: others see that.
*/
import { Option } from 'commander'
import { exposedSecretError, readSecretFile, SECRETS } from '../config/index.ts'
import { sectionValue } from './section-options.ts'
import type { SettingValues } from './setting-options.ts'
import type { Terminal } from './terminal.ts'

export function refusedPassword(): Option {
  return new Option('--password [value]').hideHelp().argParser(() => {
    throw exposedSecretError(SECRETS[0], '--password')
  })
}

/** Of --password-file, else of the environment; undefined where it is in neither. */
export async function sourcePassword(
  values: SettingValues,
  { disk, environment }: Terminal,
): Promise<string | undefined> {
  const path = sectionValue(values, 'source.password-file')
  if (path !== undefined) return await readSecretFile(disk, path, '--password-file')
  const password = environment['KINGBUS_SOURCE_PASSWORD']
  return password === '' ? undefined : password
}
