import { shapes } from '../corpus.ts'
import { startsApart } from '../corpus-facts.ts'
import type { Scenario } from '../scenario.ts'
import { measureServing } from './serving.ts'

const clients = 8
/** All begin within this share of the file, so that they are at work together nearly all the time. */
const spread = 0.08

export const serveApart: Scenario = {
  name: 'serve-apart',
  measures: 'serving eight clients that began at eight places: no packet of one fits another',
  shapes,
  goals: [],
  async run(stage) {
    const { path, bytes } = stage.corpus
    const shares = Array.from({ length: clients }, (_, index) => (spread / clients) * index)
    const positions = startsApart(path, bytes, shares)
    if (positions.length < clients) throw new Error('the corpus is too short; take a larger scale')
    return await measureServing(stage, { what: 'serve 8 apart', positions })
  },
}
