import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesBelow, ROOT, type SourceFile } from './source-tree.ts'

const FILE_LINES_MAX = 500
/** The formatter keeps code at 100; comments may run a little longer. */
const LINE_COLUMNS_MAX = 120
const FOLDER_FILES_MAX = 20
const BANNED_NAMES = /(^|\/)(utils?|helpers?|types|misc|common)\.ts$/

const GENERATED = ['src/mysql/stream/row-event-kernel.wasm.ts']
const code = ['src', 'test', 'scripts', 'benchmarks']
  .flatMap((folder) => filesBelow(folder, ['.ts', '.mjs']))
  .filter(({ path }) => !GENERATED.includes(path))
const documents = [...filesBelow('docs', ['.md']), ...filesBelow('src', ['.md'])]

function brokenLinks({ path, text }: SourceFile): string[] {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((link) => link[1] ?? '')
  const missing = links.filter((link) => !existsSync(join(ROOT, dirname(path), link)))
  return missing.map((link) => `${path} links to ${link}`)
}

describe('the tree is tidy', () => {
  it('has no file over the budget of lines', () => {
    const long = code.filter(({ text }) => text.split('\n').length > FILE_LINES_MAX + 1)
    expect(long.map(({ path }) => path)).toEqual([])
  })

  it('has no line over the budget of columns', () => {
    const wide = code.flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, i) => (line.length > LINE_COLUMNS_MAX ? [`${path}:${i + 1}`] : [])),
    )
    expect(wide).toEqual([])
  })

  it('has no file with a name that says nothing', () => {
    expect(code.map(({ path }) => path).filter((path) => BANNED_NAMES.test(path))).toEqual([])
  })

  it('has no crowded folder', () => {
    const counts = new Map<string, number>()
    for (const { path } of code.filter((file) => !file.path.endsWith('.test.ts'))) {
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
    }
    expect([...counts].filter(([, count]) => count > FOLDER_FILES_MAX)).toEqual([])
  })

  it('opens each folder of src with what it owns', () => {
    const faces = code.filter(({ path }) => /^src\/\w+\/index\.ts$/.test(path))
    expect(faces.length).toBeGreaterThan(5)
    const silent = faces.filter(({ path, text }) => {
      return !text.startsWith(`/*\n  ${path.split('/')[1] ?? ''}: `)
    })
    expect(silent.map(({ path }) => path)).toEqual([])
  })

  it('has documents whose links lead somewhere', () => {
    const roots = ['README.md', 'CONTRIBUTING.md'].map((path) => ({
      path,
      text: readFileSync(join(ROOT, path), 'utf8'),
    }))
    expect([...roots, ...documents].flatMap(brokenLinks)).toEqual([])
  })

  it('leaves nothing to do later in comments', () => {
    const marked = code.filter(
      ({ path, text }) => /\b(TODO|FIXME|XXX)\b/.test(text) && !path.endsWith('tidy.test.ts'),
    )
    expect(marked.map(({ path }) => path)).toEqual([])
  })
})
