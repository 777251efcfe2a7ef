import { shapes } from '../corpus.ts'
import type { Scenario } from '../scenario.ts'
import { measureOneAndEight } from './serving.ts'
import { servingGoals } from './serving-goals.ts'

const how = ' beside semi-sync'

export const serveSemisync: Scenario = {
  name: 'serve-semisync',
  measures: 'the same beside a mysqld whose semi-sync source plugin is loaded (not enabled)',
  shapes,
  goals: servingGoals(how),
  async run(stage) {
    const { server } = stage.corpus
    await server.sql("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
    try {
      return await measureOneAndEight(stage, how)
    } finally {
      await server.sql('UNINSTALL PLUGIN rpl_semi_sync_source')
    }
  },
}
