import { expect, test } from 'vitest'
import { checkPage } from '../../benchmarks/performance-page.ts'

// `npm run bench -- --table FILE` makes them; figures copied by hand would be wrong sooner or later.
test('the tables of the performance page are those of the run that it names', () => {
  const { has, shouldHave } = checkPage()
  expect(has).toBe(shouldHave)
})
