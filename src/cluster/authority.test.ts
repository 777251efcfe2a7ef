import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Authority, CLUSTER_SERVER_NAME } from './authority.ts'
import { ClusterSecret } from './cluster-secret.ts'

const TEXT = 'sixteen or more of them'
const authorityOf = async (text: string): Promise<Authority> =>
  await Authority.from(await ClusterSecret.from(text))

describe('the authority of a cluster', () => {
  it('is the same on every node that has the secret, whatever its final newline', async () => {
    const [one, other] = [await authorityOf(TEXT), await authorityOf(`${TEXT}\n`)]
    const server = new X509Certificate((await one.issueForServer('n1', ['h'])).certificate)
    const theirs = new X509Certificate(other.certificate)
    expect(server.checkIssued(theirs)).toBe(true)
    expect(server.verify(theirs.publicKey)).toBe(true)
    expect(theirs.ca).toBe(true)
  })

  it('is another one with another secret', async () => {
    const [one, other] = [await authorityOf(TEXT), await authorityOf(`${TEXT}.`)]
    const client = new X509Certificate((await one.issueForClient('n1')).certificate)
    expect(client.verify(new X509Certificate(other.certificate).publicKey)).toBe(false)
  })

  it('names hosts and addresses in the certificate of a server, and none in that of a client', async () => {
    const authority = await authorityOf(TEXT)
    const issued = await authority.issueForServer('n1', ['db1.example', '10.0.0.7', '::1'])
    const server = new X509Certificate(issued.certificate)
    expect(server.checkHost('db1.example')).toBe('db1.example')
    expect(server.checkHost(CLUSTER_SERVER_NAME)).toBe(CLUSTER_SERVER_NAME)
    expect(server.checkHost('db2.example')).toBeUndefined()
    expect(server.checkIP('10.0.0.7')).toBe('10.0.0.7')
    expect(server.checkIP('::1')).toBe('::1')
    expect(server.subject).toBe('CN=n1')
    const client = new X509Certificate((await authority.issueForClient('n, 1')).certificate)
    expect(client.subjectAltName).toBeUndefined()
    expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  })
})

describe('a cluster secret', () => {
  it('of fewer than 16 characters is refused', async () => {
    await expect(ClusterSecret.from('fifteen letters\n')).rejects.toMatchObject({
      code: 'E_CLUSTER_SECRET',
    })
  })

  it('gives another key for each purpose, and the same one again', async () => {
    const [one, again] = [await ClusterSecret.from(TEXT), await ClusterSecret.from(TEXT)]
    expect(await one.key('a', 32)).toEqual(await again.key('a', 32))
    expect(await one.key('a', 32)).not.toEqual(await one.key('b', 32))
  })
})
