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
const tables = /<!-- results: (\S+) [^\n]*-->\n[^]*<!-- end of results -->/
const madeBy = '`npm run bench -- --table FILE` writes this part anew'

/** The part of the page between its two marks, as it must be for a file of results. */
function tablesOf(file: string): string {
  const link = relative(dirname(pagePath), resolve(projectFolder, file))
  const text = resultsMarkdown(readResults(resolve(projectFolder, file)), measures)
  return `<!-- results: ${file} ${madeBy} -->\nThe run is [saved here](${link}).\n\n${text}\n<!-- end of results -->`
}

/** What the page says, and what it would say were it made now from the file that it names. */
export function checkPage(): { readonly has: string; readonly shouldHave: string } {
  const [has = '', file] = tables.exec(readFileSync(pagePath, 'utf8')) ?? []
  if (file === undefined) throw new Error(`${pagePath} names no file of results`)
  return { has, shouldHave: tablesOf(file) }
}

/** Makes the page's tables from this file of results; the part that was written. */
export function rewritePage(path: string): string {
  const made = tablesOf(relative(projectFolder, resolve(path)))
  const page = readFileSync(pagePath, 'utf8')
  if (!tables.test(page)) throw new Error(`${pagePath} has no place for results`)
  writeFileSync(
    pagePath,
    page.replace(tables, () => made),
  )
  return made
}
