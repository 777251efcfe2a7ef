/*
  The flags of a command that changes one section of the settings while a node runs: `--tls` for `source.tls`, read
  as at the start. What is not given stays as it is, so there are no defaults, and neither file nor environment.
*/
import { type Command, Option } from 'commander'
import { type Config, type Key, keySpec } from '../config/index.ts'
import { OperationalError } from '../lib/index.ts'
import type { SettingValues } from './setting-options.ts'

const PLACEHOLDER_MOST = 24

function flagOf(key: Key): string {
  return `--${key.slice(key.indexOf('.') + 1)}`
}

export function withSectionOptions(command: Command, keys: readonly Key[]): Command {
  for (const key of keys) {
    const { help, placeholder } = keySpec(key)
    const isShort = placeholder.length <= PLACEHOLDER_MOST
    const text = isShort ? help : `${help}: ${placeholder}`
    command.addOption(new Option(`${flagOf(key)} <${isShort ? placeholder : 'VALUE'}>`, text))
  }
  return command
}

/** The text of a flag; undefined where it is not given. */
export function sectionText(values: SettingValues, key: Key): string | undefined {
  const value = values[new Option(`${flagOf(key)} <value>`).attributeName()]
  return typeof value === 'string' ? value : undefined
}

/** @throws OperationalError E_CONFIG_INVALID, which names the flag */
export function sectionValue<K extends Key>(values: SettingValues, key: K): Config[K] | undefined {
  const text = sectionText(values, key)
  return text === undefined ? undefined : valueOf(key, text, flagOf(key))
}

/**
 * @param name of what the text was given as
 * @throws OperationalError E_CONFIG_INVALID, which names it
 */
export function valueOf<K extends Key>(key: K, text: string, name: string): Config[K] {
  const read = keySpec(key).schema.safeParse(text)
  // A key's schema makes what Config says of it.
  if (read.success) return read.data as Config[K]
  const problems = read.error.issues.map(({ message }) => message)
  throw new OperationalError('E_CONFIG_INVALID', `${name}: ${problems.join('; ')}`)
}
