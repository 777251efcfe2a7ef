import { shapes } from '../corpus.ts'
import type { Scenario } from '../scenario.ts'
import { measureOneAndEight } from './serving.ts'
import { servingGoals } from './serving-goals.ts'

export const serve: Scenario = {
  name: 'serve',
  measures: 'serving one client, and eight that began at the same place',
  shapes,
  goals: servingGoals(''),
  run: (stage) => measureOneAndEight(stage, ''),
}
