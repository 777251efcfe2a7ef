import { beforeAll, describe, expect, it } from 'vitest'
import { systemRandom } from '../../platform/index.ts'
import { ClusterSecret } from '../cluster-secret.ts'
import { Sealer } from './sealer.ts'

const PLACE = '/kingbus/main/source'
let sealer: Sealer

beforeAll(async () => {
  sealer = await Sealer.from(await ClusterSecret.from('a secret of the cluster'), systemRandom)
})

const refused = (sealed: string, place = PLACE): void => {
  expect(() => sealer.open(sealed, place)).toThrow(
    expect.objectContaining({ code: 'E_CLUSTER_SECRET' }),
  )
}

describe('a sealed text', () => {
  it.each(['', 'password', 'pässwörd 🔑', 'x'.repeat(100_000)])('is opened as it was', (text) => {
    expect(sealer.open(sealer.seal(text, PLACE), PLACE)).toBe(text)
  })

  it('shows nothing of itself, nor that it is the same as another', () => {
    const [one, other] = [sealer.seal('password', PLACE), sealer.seal('password', PLACE)]
    expect(one).not.toBe(other)
    expect(Buffer.from(one.slice(3), 'base64').includes('password')).toBe(false)
  })

  it('is opened by every node with the same secret, and by nobody else', async () => {
    const sealed = sealer.seal('password', PLACE)
    const same = await Sealer.from(
      await ClusterSecret.from('a secret of the cluster\n'),
      systemRandom,
    )
    expect(same.open(sealed, PLACE)).toBe('password')
    const foreign = await Sealer.from(
      await ClusterSecret.from('another secret of it'),
      systemRandom,
    )
    expect(() => foreign.open(sealed, PLACE)).toThrow(/another cluster secret/)
  })

  it('is refused at another place', () => {
    refused(sealer.seal('password', PLACE), '/kingbus/main/users')
  })

  it('is refused after any change of a bit, and in any part', () => {
    const sealed = sealer.seal('password', PLACE)
    const whole = Buffer.from(sealed.slice(3), 'base64')
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const changed = Buffer.from(whole)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      refused(`v1:${changed.toString('base64')}`)
    }
    for (let size = 0; size < whole.length; size += 1) {
      refused(`v1:${whole.subarray(0, size).toString('base64')}`)
    }
    refused(whole.toString('base64'))
    refused(`v2:${whole.toString('base64')}`)
  })
})
