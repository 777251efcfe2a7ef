import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findCycle, readLayers, violations } from './layers.ts'
import { filesBelow, ROOT } from './source-tree.ts'

const layers = readLayers(readFileSync(join(ROOT, 'src/README.md'), 'utf8'))
const files = filesBelow('src', ['.ts']).filter(
  ({ path }) => !path.endsWith('.test.ts') && !path.includes('/testing/'),
)

describe('the import table of src/README.md', () => {
  it('has a row for every folder, and no other', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
    const names = folders.filter((found) => found.isDirectory()).map((found) => found.name)
    expect([...layers.keys()].sort()).toEqual(names.sort())
  })

  it('is kept by every import', () => {
    expect(files.length).toBeGreaterThan(100)
    expect(violations(files, layers)).toEqual([])
  })

  it('leaves no cycle among the files', () => {
    expect(findCycle(files)).toBeUndefined()
  })

  it.each([
    ['a forbidden folder', 'src/mysql/a.ts', "import { b } from '../store/index.ts'"],
    ['another folder’s inside', 'src/store/a.ts', "import { b } from '../mysql/gtid/gtid.ts'"],
    ['a type alone', 'src/serve/a.ts', "import type { S } from '../source/index.ts'"],
    ['a re-export', 'src/lib/a.ts', "export { b } from '../mysql/index.ts'"],
    [
      'a pure core’s outside',
      'src/cluster/protocol/a.ts',
      "import { p } from '../../platform/index.ts'",
    ],
    ['another folder’s library', 'src/store/a.ts', "import { pino } from 'pino'"],
  ])('notices %s when it is planted', (_what, path, text) => {
    expect(violations([{ path, text }], layers)).toHaveLength(1)
  })

  it('notices a cycle when it is planted', () => {
    const planted = [
      { path: 'src/lib/a.ts', text: "import { b } from './b.ts'" },
      { path: 'src/lib/b.ts', text: "import { c } from './c.ts'" },
      { path: 'src/lib/c.ts', text: "import { a } from './a.ts'" },
    ]
    expect(findCycle(planted)).toEqual([
      'src/lib/a.ts',
      'src/lib/b.ts',
      'src/lib/c.ts',
      'src/lib/a.ts',
    ])
  })
})
