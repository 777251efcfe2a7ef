/*
  The flags that stand for settings, made from the one table of keys.
*/
import { type Command, Option } from 'commander'
import {
  exposedSecretError,
  flagOf,
  KEY_NAMES,
  type Key,
  keySpec,
  type LoadedConfig,
  loadConfig,
  SECRETS,
} from '../config/index.ts'
import type { Terminal } from './terminal.ts'

const PLACEHOLDER_MOST = 10

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
    const [value, help] = helpOf(key)
    for (const flag of flagsOf(key)) {
      const text = flag === flagOf(key) ? help : `Short for ${flagOf(key)}`
      command.addOption(settingOption(key, { flag, value, text }))
    }
  }
  for (const secret of SECRETS) {
    const flag = flagOf(secret.key)
    command.addOption(refusingOption(flag, () => exposedSecretError(secret, flag)))
  }
  return command
}

function settingOption(
  key: Key,
  { flag, value, text }: { flag: string; value: string; text: string },
): Option {
  const { bareFlag } = keySpec(key)
  if (bareFlag === undefined) return new Option(`${flag} <${value}>`, text)
  return new Option(`${flag} [${value}]`, text).preset(bareFlag)
}

/** What stands for the value, and the text; a long list of values stands in the text, to keep the column narrow. */
function helpOf(key: Key): readonly [string, string] {
  const { help, fallback, placeholder } = keySpec(key)
  const without = fallback === undefined ? '' : ` (default ${fallback})`
  if (placeholder.length <= PLACEHOLDER_MOST) return [placeholder, `${help}${without}`]
  return ['VALUE', `${help}: ${placeholder}${without}`]
}

/** A flag that people try and that must not be: the answer says what to do, and not what was typed. */
function refusingOption(flag: string, error: () => Error): Option {
  return new Option(`${flag} [value]`).hideHelp().argParser(() => {
    throw error()
  })
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
