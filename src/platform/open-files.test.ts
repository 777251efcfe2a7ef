import { describe, expect, it } from 'vitest'
import { opening } from './open-files.ts'

const failsWith = (code: string) => () =>
  Promise.reject(Object.assign(new Error(`${code}: of the system`), { code }))

describe('a file that cannot be opened because too many are', () => {
  it.each([
    ['EMFILE', 'this process', 'LimitNOFILE'],
    ['ENFILE', 'the whole machine', 'fs.file-max'],
  ])('is told after %s as one that waits, with whose limit it is', async (code, whose, remedy) => {
    const opened = opening('/data/binlog.000002', failsWith(code))
    await expect(opened).rejects.toMatchObject({
      code: 'E_OPEN_FILES',
      reaction: 'pause',
      context: { path: '/data/binlog.000002', systemCode: code },
      message: expect.stringMatching(`${whose}.*${remedy}`) as string,
    })
  })

  it('is not made of another refusal', async () => {
    await expect(opening('/data', failsWith('EACCES'))).rejects.toMatchObject({ code: 'EACCES' })
  })
})
