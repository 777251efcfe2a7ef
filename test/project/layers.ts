import { importsOf, resolveImport, type SourceFile } from './source-tree.ts'

/** Folder of src/ -> what it may import; the folder itself always. The same table as in src/README.md. */
export type Layers = ReadonlyMap<string, ReadonlySet<string>>

/** Reads the table of src/README.md: its rows are `folder/` | owns | may import. */
export function readLayers(readme: string): Layers {
  const rows = [...readme.matchAll(/^\| `(\w+)\/` +\|[^|]*\| ([^|]+?) +\|$/gm)]
  const folders = rows.map((row) => row[1] ?? '')
  return new Map(
    rows.map(([, folder = '', may = '']) => [folder, new Set(mayImport(may.trim(), folders))]),
  )
}

function mayImport(text: string, folders: readonly string[]): string[] {
  if (text === 'nothing') return []
  if (text === 'all') return [...folders]
  const allBut = /^all but (\w+)$/.exec(text)
  if (allBut !== null) return folders.filter((folder) => folder !== allBut[1])
  return text.split(', ')
}

function folderOf(path: string): string {
  return path.split('/')[1] ?? ''
}

/** Packages that one folder alone may import. */
const VENDORS: Readonly<Record<string, string>> = {
  pino: 'observe',
  'prom-client': 'observe',
  fastify: 'admin',
  commander: 'cli',
  mysql2: 'source',
  '@grpc': 'cluster',
}

/** The cluster's protocol is a pure core: it imports itself and lib/. */
const CORE = 'src/cluster/protocol/'

const isOutsideCore = (path: string, target: string): boolean =>
  path.startsWith(CORE) && !target.startsWith(CORE) && target !== 'src/lib/index.ts'

/** Every import that breaks a rule, in words. */
export function violations(files: readonly SourceFile[], layers: Layers): string[] {
  return files.flatMap((file) => {
    const folder = folderOf(file.path)
    return importsOf(file).flatMap((specifier) => {
      const target = resolveImport(file, specifier)
      const vendor = VENDORS[specifier.split('/')[0] ?? '']
      if (target === undefined) {
        const foreign = vendor !== undefined && vendor !== folder
        return foreign ? [`${file.path} imports ${specifier}, which is ${vendor}'s`] : []
      }
      const other = folderOf(target)
      if (isOutsideCore(file.path, target)) return [`${file.path} imports ${target}`]
      if (!target.startsWith('src/') || other === folder) return []
      if (layers.get(folder)?.has(other) !== true) return [`${file.path} imports ${other}`]
      return target === `src/${other}/index.ts` ? [] : [`${file.path} reaches into ${target}`]
    })
  })
}

/** The first cycle of imports among the files, as the paths on it; undefined when there is none. */
export function findCycle(files: readonly SourceFile[]): string[] | undefined {
  const known = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    const file = known.get(path)
    if (file === undefined || done.has(path)) return undefined
    for (const specifier of importsOf(file)) {
      const target = resolveImport(file, specifier)
      const cycle = target === undefined ? undefined : visit(target, [...trail, path])
      if (cycle !== undefined) return cycle
    }
    done.add(path)
    return undefined
  }
  for (const path of known.keys()) {
    const cycle = visit(path, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}
