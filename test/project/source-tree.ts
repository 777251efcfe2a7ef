import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface SourceFile {
  /** from the project's root, with forward slashes */
  readonly path: string
  readonly text: string
}

/** Files below a folder of the project with one of the endings. */
export function filesBelow(folder: string, endings: readonly string[]): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile() && endings.some((ending) => found.name.endsWith(ending)))
    .map((found) => join(found.parentPath, found.name))
    .filter((path) => !path.includes('node_modules'))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }))
    .sort((a, b) => a.path.localeCompare(b.path))
}

const IMPORT =
  /^(?:import|export)\b[^'"]*?from\s+['"](?<named>[^'"]+)['"]|\bimport\(['"](?<dynamic>[^'"]+)['"]\)/gm

/** What a file imports, as written. */
export function importsOf({ text }: SourceFile): string[] {
  return [...text.matchAll(IMPORT)].map(
    ({ groups }) => groups?.['named'] ?? groups?.['dynamic'] ?? '',
  )
}

/** The project's file that a relative import means; undefined for a package. */
export function resolveImport(from: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return normalize(join(dirname(from.path), specifier))
}
