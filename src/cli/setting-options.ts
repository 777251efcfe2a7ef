/*
  The flags that stand for settings, made from the one table of keys.
*/
import { type Command, Option } from 'commander'
import {
  flagOf,
  KEY_NAMES,
  type Key,
  keySpec,
  type LoadedConfig,
  loadConfig,
} from '../config/index.ts'
import type { Terminal } from './terminal.ts'

export type SettingValues = Readonly<Record<string, unknown>>

/** `source.start-at` to what commander calls it: `sourceStartAt`. */
function attributeOf(flag: string): string {
  return new Option(`${flag} <value>`).attributeName()
}

function flagsOf(key: Key): string[] {
  const { shortFlag } = keySpec(key)
  return shortFlag === undefined ? [flagOf(key)] : [`--${shortFlag}`, flagOf(key)]
}

/** Adds `--config` and a flag for every setting, or for those named. */
export function withSettingOptions(command: Command, keys: readonly Key[] = KEY_NAMES): Command {
  command.option('-c, --config <file>', 'YAML file with settings (or KINGBUS_CONFIG)')
  for (const key of keys) {
    const { help, fallback, placeholder } = keySpec(key)
    const without = fallback === undefined ? '' : ` (default ${fallback})`
    for (const flag of flagsOf(key)) {
      const text = flag === flagOf(key) ? `${help}${without}` : `Short for ${flagOf(key)}`
      command.addOption(new Option(`${flag} <${placeholder}>`, text))
    }
  }
  return command
}

/** @throws OperationalError as loadConfig */
export async function settingsFrom(
  values: SettingValues,
  { disk, environment }: Terminal,
): Promise<LoadedConfig> {
  const flags = new Map<Key, string>()
  for (const key of KEY_NAMES) {
    for (const flag of flagsOf(key)) {
      const value = values[attributeOf(flag)]
      if (typeof value === 'string') flags.set(key, value)
    }
  }
  const { config } = values
  const file = typeof config === 'string' ? config : environment['KINGBUS_CONFIG']
  return await loadConfig(disk, { file, environment, flags })
}
