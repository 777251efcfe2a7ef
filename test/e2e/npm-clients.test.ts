import { afterEach, expect, test } from 'vitest'
import { npmClient } from '../interop/npm-clients.ts'
import { NATIVE } from '../interop/servers.ts'
import { tellStory } from '../interop/story.ts'
import { endEverything } from './harness/child.ts'

afterEach(endEverything)

test('@powersync/mysql-zongji is told by Kingbus what the source tells it', async () => {
  const told = await tellStory(npmClient('@powersync/mysql-zongji'))
  expect(told).toContain(`["insert","t",{"id":1,"name":"first","n":1}]`)
  expect(told).toContain(`["insert","t",{"id":4,"extra":"new column","name":"ä€","n":7}]`)
  expect(told).toHaveLength(9)
})

test('@rodrigogs/zongji, which knows only mysql_native_password, follows Kingbus', async () => {
  const told = await tellStory(npmClient('@rodrigogs/zongji'), { onlyAs: NATIVE })
  expect(told).toContain(`["delete","t",{"id":4,"extra":"new column","name":"ä€","n":7}]`)
  expect(told).toHaveLength(9)
})
