import { expect, it } from 'vitest'
import { OperationalError } from '../../lib/index.ts'
import { Tries } from './tries.ts'

it('what goes wrong again and again is said once, and again after it went well or wrong otherwise', async () => {
  const said: string[] = []
  const tries = new Tries(({ code }, message) => void said.push(`${String(code)} ${message}`))
  const wrong = (message: string) => async () => {
    throw new OperationalError('E_PEER_UNREACHABLE', message)
  }
  await tries.once(wrong('two is away'))
  await tries.once(wrong('two is away'))
  await tries.once(wrong('three is away'))
  await tries.once(wrong('two is away'))
  await tries.once(async () => {})
  await tries.once(wrong('two is away'))
  const line = (name: string): string => `E_PEER_UNREACHABLE ${name} is away`
  expect(said).toEqual(['two', 'three', 'two', 'two'].map(line))
  const bug = async () => {
    throw new Error('a bug')
  }
  await expect(tries.once(bug)).rejects.toThrow('a bug')
})
