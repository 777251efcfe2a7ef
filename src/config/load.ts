/*
  From the three places where a setting can stand to one Config: a flag beats a variable, a variable
  beats the file, the file beats the default. All problems are told at once, each with its place.
*/
import { OperationalError } from '../lib/index.ts'
import type { Disk } from '../platform/index.ts'
import { checkTogether } from './check.ts'
import { readConfigFile } from './config-file.ts'
import { readEnvironment } from './environment.ts'
import type { Environment, Given, GivenKeys } from './given.ts'
import { type Config, flagOf, KEY_NAMES, type Key, keySpec } from './keys.ts'

export interface ConfigInput {
  /** the YAML file; undefined reads none */
  readonly file: string | undefined
  readonly environment: Environment
  /** the text of each flag that was given */
  readonly flags: ReadonlyMap<Key, string>
}

export interface LoadedConfig {
  readonly config: Config
  /** what was given, the winner of each key; defaults are not among them */
  readonly given: GivenKeys
  /** things that were ignored, for the log */
  readonly warnings: readonly string[]
}

/** @throws OperationalError E_CONFIG_UNREADABLE, E_CONFIG_INVALID, E_SECRET_EXPOSED */
export async function loadConfig(disk: Disk, input: ConfigInput): Promise<LoadedConfig> {
  const fromFile: GivenKeys =
    input.file === undefined ? new Map() : await readConfigFile(disk, input.file)
  const environment = readEnvironment(input.environment)
  const fromFlags = [...input.flags].map(
    ([key, text]) => [key, { text, place: flagOf(key) }] as const,
  )
  const given = new Map<Key, Given>([...fromFile, ...environment.given, ...fromFlags])
  return { config: readConfig(given), given, warnings: environment.warnings }
}

function readConfig(given: GivenKeys): Config {
  const problems: string[] = []
  const values: Partial<Record<Key, unknown>> = {}
  for (const key of KEY_NAMES) {
    const { schema, fallback } = keySpec(key)
    const text = given.get(key)?.text ?? fallback
    if (text === undefined) continue
    const read = schema.safeParse(text)
    if (read.success) values[key] = read.data
    else
      problems.push(...read.error.issues.map((issue) => `${where(key, given)}: ${issue.message}`))
  }
  if (problems.length === 0) {
    // Every key's value has just been read by its own schema, which is what Config says of it.
    const config = values as Config
    problems.push(...checkTogether(config))
    if (problems.length === 0) return config
  }
  throw new OperationalError('E_CONFIG_INVALID', problems.join('; '))
}

function where(key: Key, given: GivenKeys): string {
  const place = given.get(key)?.place
  return place === undefined ? key : `${key} (from ${place})`
}
