/*
  The tables of docs/internals/performance.md are made from a saved run; the page names the file, and a test in
  test/project holds the two against each other.
*/
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { projectFolder } from '../test/e2e/harness/project.ts'
import { readResults } from './results.ts'
import { measures } from './scenarios/all.ts'
import { resultsMarkdown } from './tables.ts'

const pagePath = join(projectFolder, 'docs', 'internals', 'performance.md')
const tables = /<!-- results: (\S+) [^\n]*-->\n[^]*?<!-- end of results -->/g
const madeBy = '`npm run bench -- --table FILE` writes this part anew'

/** The part of the page between its two marks, as it must be for a file of results. */
function tablesOf(file: string): string {
  const link = relative(dirname(pagePath), resolve(projectFolder, file))
  const text = resultsMarkdown(readResults(resolve(projectFolder, file)), measures)
  return `<!-- results: ${file} ${madeBy} -->\nThe run is [saved here](${link}).\n\n${text}\n<!-- end of results -->`
}

/** What the page says, and what it would say were it made now from the files that it names. */
export function checkPage(): { readonly has: string; readonly shouldHave: string } {
  const parts = partsOf(readFileSync(pagePath, 'utf8'))
  if (parts.length === 0) throw new Error(`${pagePath} names no file of results`)
  return {
    has: parts.map(({ text }) => text).join('\n'),
    shouldHave: parts.map(({ file }) => tablesOf(file)).join('\n'),
  }
}

/** Makes those tables of the page anew that are of the same benchmarks as this file; the part that was written. */
export function rewritePage(path: string): string {
  const file = relative(projectFolder, resolve(path))
  const measured = scenariosOf(file)
  const page = readFileSync(pagePath, 'utf8')
  const old = partsOf(page).find((part) => {
    return [...scenariosOf(part.file)].some((scenario) => measured.has(scenario))
  })
  if (old === undefined) throw new Error(`${pagePath} has no place for these results`)
  const made = tablesOf(file)
  writeFileSync(
    pagePath,
    page.replace(old.text, () => made),
  )
  return made
}

function partsOf(page: string): { readonly text: string; readonly file: string }[] {
  return [...page.matchAll(tables)].map(([text, file = '']) => ({ text, file }))
}

function scenariosOf(file: string): ReadonlySet<string> {
  const { results } = readResults(resolve(projectFolder, file))
  return new Set(results.map(({ scenario }) => scenario))
}
