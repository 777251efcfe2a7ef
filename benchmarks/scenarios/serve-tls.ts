import { shapes } from '../corpus.ts'
import type { Scenario } from '../scenario.ts'
import { measureOneAndEight } from './serving.ts'
import { servingGoals } from './serving-goals.ts'

const how = ' with TLS'

export const serveTls: Scenario = {
  name: 'serve-tls',
  measures: 'the same with TLS on both sides; the client, which decrypts, costs more then',
  shapes,
  goals: servingGoals(how),
  run: (stage) => measureOneAndEight(stage, how, true),
}
