import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { projectFolder } from '../project.ts'

/** A file that compose puts into a container. */
export interface ContainerFile {
  readonly path: string
  readonly text: string
  readonly uid: number
  readonly mode: number
}

export interface ComposeService {
  readonly name: string
  /** undefined: that of the image */
  readonly command: readonly string[] | undefined
  readonly environment: Readonly<Record<string, string>>
  readonly files: readonly ContainerFile[]
  /** mount points of its named volumes, by the volume's name */
  readonly volumes: ReadonlyMap<string, string>
  readonly dependsOn: readonly string[]
  readonly profiles: readonly string[]
}

interface Reference {
  readonly source: string
  readonly target?: string
  readonly uid?: string
  readonly mode?: number
}

interface RawService {
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly (string | Reference)[]
  readonly configs?: readonly (string | Reference)[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly profiles?: readonly string[]
}

interface RawFile {
  readonly services: Readonly<Record<string, RawService>>
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>
  readonly configs: Readonly<Record<string, { readonly content?: string; readonly file?: string }>>
}

const readableByAll = 0o444

/**
 * docker-compose.yml as Compose understands it, as far as the project uses it.
 * @param variables what stands in .env
 */
export function readCompose(variables: Readonly<Record<string, string>>): ComposeService[] {
  const text = readFileSync(join(projectFolder, 'docker-compose.yml'), 'utf8')
  const file = interpolated(parse(text, { merge: true }), variables) as RawFile
  return Object.entries(file.services).map(([name, service]) => ({
    name,
    command: service.command,
    environment: service.environment ?? {},
    files: [
      ...(service.secrets ?? []).map((reference) => secretFile(reference, file, variables)),
      ...(service.configs ?? []).map((reference) => configFile(reference, file)),
    ],
    volumes: new Map((service.volumes ?? []).map(volume)),
    dependsOn: Object.keys(service.depends_on ?? {}),
    profiles: service.profiles ?? [],
  }))
}

function secretFile(
  reference: string | Reference,
  file: RawFile,
  variables: Readonly<Record<string, string>>,
): ContainerFile {
  const { source, target, uid, mode } = referenceOf(reference)
  const variable = file.secrets[source]?.environment ?? ''
  const text = variables[variable]
  if (text === undefined) throw new Error(`variable ${variable} of secret ${source} is not set`)
  return container(target ?? `/run/secrets/${source}`, text, uid, mode)
}

function configFile(reference: string | Reference, { configs }: RawFile): ContainerFile {
  const { source, target, uid, mode } = referenceOf(reference)
  const { content, file } = configs[source] ?? {}
  const text = content ?? readFileSync(join(projectFolder, file ?? source), 'utf8')
  return container(target ?? `/${source}`, text, uid, mode)
}

function referenceOf(reference: string | Reference): Reference {
  return typeof reference === 'string' ? { source: reference } : reference
}

function container(path: string, text: string, uid = '0', mode = readableByAll): ContainerFile {
  return { path, text, uid: Number(uid), mode }
}

function volume(text: string): [name: string, path: string] {
  const [name = '', path = ''] = text.split(':')
  return [name, path]
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}` in all texts. */
function interpolated(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name, kind, rest) => {
      const given = variables[name]
      if (given !== undefined && given !== '') return given
      if (kind === '-') return rest
      throw new Error(`variable ${name} ${rest ?? 'is not set'}`)
    })
  }
  if (Array.isArray(value)) return value.map((item) => interpolated(item, variables))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [key, interpolated(item, variables)]))
}
