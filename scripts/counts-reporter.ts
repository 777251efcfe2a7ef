import { mkdirSync, writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/** characters of an error that are told */
const WHY_MOST = 300

/**
  Leaves how many tests passed, failed and were skipped in .cache/test-counts.json, for run.mjs, and which of those
  that passed did so only when they were tried again, each with the first line of what went wrong before.
*/
export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 }
    const triedAgain: string[] = []
    for (const module of modules) {
      counts.failed += module.errors().length
      for (const test of module.children.allTests()) {
        const { state, errors: met = [] } = test.result()
        counts[state === 'pending' ? 'skipped' : state] += 1
        if (state !== 'passed' || test.diagnostic()?.flaky !== true) continue
        const [why = 'an unknown reason'] = (met[0]?.message ?? '').split('\n')
        triedAgain.push(`${module.relativeModuleId} > ${test.name}: ${why.slice(0, WHY_MOST)}`)
      }
    }
    mkdirSync('.cache', { recursive: true })
    writeFileSync('.cache/test-counts.json', JSON.stringify({ counts, triedAgain }))
  }
}
